"""Random histories of the raw tables: late, duplicated, updated, moved, out of order, malformed."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.project.harness import Project

FIRST = dt.datetime(2025, 3, 24, tzinfo=dt.UTC)  # the week of a change to daylight saving
DAYS = 16
ARRIVALS = dt.datetime(2025, 4, 20, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)

SURFACES = ["for_you", "home", "pdp", "cart"]
METRICS = (
    *("id", "user_id", "surface", "experiment_key", "variation", "click_through"),
    *("dwell_time_ms", "recommendation_id", "destination_slug", "metadata"),
    *("created_at", "loaded_at"),
)
INTERACTIONS = (
    *("id", "user_id", "interaction_type", "recommendation_id", "destination_slug"),
    *("metadata", "created_at", "loaded_at"),
)
SESSIONS = (
    *("session_id", "user_id", "started_at", "ended_at", "device", "country"),
    *("is_bounce", "is_crash_free", "loaded_at"),
)
# Numbers that engines read in different ways, unless told.
NUMBERS = [
    *("1e308", "9.9e307", "-1e308", "1e400", "1e-400", "-1e-301", "5e-324", "1E+2", "-0.0", "0.0"),
    *("123456789012345678901234567890", "0.1234567890123456789", "1" + "0" * 309, "1e0"),
]
EXPERIMENTS = (
    *("experiment_key", "name", "status", "variations", "started_at", "ended_at", "config"),
    *("owner", "updated_at", "loaded_at"),
)


EVENTS = (
    *("event_id", "event_name", "namespace", "surface", "user_id", "session_id", "item_id"),
    *("trace_id", "variant", "quantity", "revenue", "currency", "created_at", "loaded_at"),
)
TRACES = ("trace_id", "namespace", "surface", "user_id", "created_at", "payload", "loaded_at")
ITEMS = ("item_id", "brand", "category", "price", "is_available", "updated_at", "loaded_at")


class History:
    """Batches of raw rows drawn from a seed; the same seed gives every engine the same rows."""

    def __init__(self, seed: int, days: int = DAYS) -> None:
        self.random = random.Random(seed)
        self.days = days
        self.batch = 0

    def moment(self) -> dt.datetime:
        """When something happened: mostly busy days, some on a boundary to the microsecond."""
        draw = self.random
        day = draw.choice([draw.randrange(self.days), draw.randrange(3)])
        offset = draw.choice(
            [
                dt.timedelta(seconds=draw.randrange(86400), microseconds=draw.randrange(10**6)),
                dt.timedelta(hours=draw.choice([0, 18, 22, 23])),
                dt.timedelta(hours=draw.choice([1, 18, 22, 23]), microseconds=-1),
            ]
        )
        return FIRST + dt.timedelta(days=day) + offset

    def loaded(self) -> dt.datetime:
        """When a row of this batch arrived: now and then within the overlap."""
        late = self.random.random() < 0.1
        start = ARRIVALS + self.batch * dt.timedelta(hours=17)
        if late and self.batch:
            return start - dt.timedelta(hours=17) + self.random.randrange(50, 60) * MINUTE
        return start + self.random.choice([0, self.random.randrange(60)]) * MINUTE

    def metadata(self) -> str | None:
        """A document of an impression: mostly sound, some with a sense nobody can read."""
        draw = self.random
        if draw.random() < 0.1:
            return draw.choice([None, "null", "[1]", '"text"', "{}", '{"session_id": ["s1"]}'])
        if draw.random() < 0.1:
            return f'{{"personalization_score": {draw.choice(NUMBERS)}}}'
        score = draw.choice(
            [
                *(0.0, 0.1, 0.3, 0.7, 1.0, 0.29999999999999999, 0.999, -0.5, 7, None, 1e-320),
                *("0.5", True, [0.5], draw.random()),
            ]
        )
        return json.dumps(
            {
                "session_id": draw.choice([f"s{draw.randrange(12)}", "", "  ", None, 5]),
                "country": draw.choice(["DE", "FR", "São Tomé", 'a"b\\c', " ", None]),
                "city": draw.choice(["Köln", "東京", "x" * 300, None]),
                "device": draw.choice(["ios", "web"]),
                "category": draw.choice(["shoes", "hats", "", None, {"a": 1}]),
                "personalization_score": score,
                "unknown": draw.choice([1, "2"]),
            },
            ensure_ascii=draw.random() < 0.5,
        )

    def metric(self) -> tuple[Any, ...]:
        """One impression; ids repeat, so that rows are duplicated, updated and moved."""
        draw = self.random
        loaded = self.loaded()
        created = self.moment()
        if draw.random() < 0.05:
            created = loaded + draw.choice([9, 10, 11, 600]) * MINUTE
        return (
            draw.choice([f"i{draw.randrange(60)}"] * 12 + [None, "", "  "]),
            draw.choice([f"u{draw.randrange(6)}"] * 12 + [None, " "]),
            draw.choice(SURFACES * 4 + ["For_You", "for_you ", None]),
            draw.choice([None, "", "blend"]),
            draw.choice([None, "a", "b"]),
            draw.choice([True, False, None]),
            draw.choice([None, 0, 999.999, 1000, 5000, 3600000, 86400000, 86400000.001, -1, 250.5]),
            draw.choice([f"r{draw.randrange(4)}", None, " "]),
            draw.choice([f"slug{draw.randrange(4)}", None]),
            self.metadata(),
            created,
            loaded,
        )

    def interaction(self) -> tuple[Any, ...]:
        """One interaction, mostly a save."""
        draw = self.random
        return (
            draw.choice([f"n{draw.randrange(25)}"] * 9 + [None]),
            draw.choice([f"u{draw.randrange(6)}"] * 9 + [" "]),
            draw.choice(["save"] * 5 + ["share", "", None]),
            draw.choice([f"r{draw.randrange(4)}", None]),
            draw.choice([f"slug{draw.randrange(4)}", None]),
            draw.choice(["{}", None, "[]"]),
            self.moment(),
            self.loaded(),
        )

    def session(self) -> tuple[Any, ...]:
        """One visit; it may move to another day when it is told again."""
        draw = self.random
        return (
            draw.choice([f"s{draw.randrange(12)}"] * 9 + [None]),
            draw.choice([f"u{draw.randrange(6)}"] * 9 + [None]),
            draw.choice([self.moment(), self.moment(), None]),
            draw.choice([None, self.moment()]),
            draw.choice(["ios", None]),
            draw.choice(["DE", None]),
            draw.choice([True, False, None]),
            draw.choice([True, None]),
            self.loaded(),
        )

    def experiment(self) -> tuple[Any, ...]:
        """One version of an experiment: new weights, another start, an end, or nonsense."""
        draw = self.random
        return (
            draw.choice(["blend", "blend", "ranker", "ranker", " "]),
            "An experiment",
            draw.choice(["draft", "running", None]),
            draw.choice(
                [
                    '[{"key": "a", "weight": 0.5, "is_control": true},'
                    ' {"key": "b", "weight": 0.5}]',
                    '[{"key": "a", "weight": 1, "is_control": true}, {"key": "b", "weight": 1}]',
                    '[{"key": "a", "weight": 99}, {"key": "b", "weight": 1}, {"key": "c"}]',
                    '[{"key": "a", "weight": null}, {"key": "b"}]',
                    *('[{"key": "a", "weight": "half"}]', '[{"weight": 1}]', "{}", "[]", None),
                    '[{"key": "a", "weight": -1}]',
                ]
            ),
            draw.choice([None, FIRST, FIRST, FIRST, self.moment()]),
            draw.choice([None, None, self.moment(), ARRIVALS + dt.timedelta(days=400)]),
            draw.choice(
                [
                    *('{"min_duration_days": 14}', '{"min_duration_days": "14"}', "[]", None),
                    '{"source": "shop_events", "surfaces": ["home", "pdp", "home"]}',
                    '{"source": "shop_events", "latency_threshold_ms": 40, "horizon_users": 1e3}',
                    '{"source": "elsewhere"}',
                    '{"surfaces": "home"}',
                    '{"surfaces": ["for_you", 5], "primary_metric": ["ctr", "save_rate"]}',
                    '{"primary_metric": "ctr", "guardrails": [{"name": "bounce_rate",'
                    ' "direction": "lower_is_better", "threshold": "+5%"}, {"name": "p95"}]}',
                ]
            ),
            None,
            self.moment(),
            self.loaded(),
        )

    def assignment(self) -> tuple[Any, ...]:
        """One logged assignment; some users are logged in several arms."""
        draw = self.random
        return (
            draw.choice(["blend", "ranker", "unheard_of"]),
            f"u{draw.randrange(7)}",
            draw.choice(["a", "a", "b", "b", "c", None]),
            draw.choice([FIRST, FIRST, self.moment()]),
            self.loaded(),
        )

    def steady(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """An experiment that is sound from the first batch on, and its assignments."""
        arms = '[{"key": "a", "is_control": true}, {"key": "b"}]'
        config, arrived = '{"source": "shop_events"}', self.loaded()
        plan = ("steady", "An experiment", "running", arms, FIRST, None, config, None, FIRST)
        assigned = [("steady", f"u{n}", "ab"[n % 2], FIRST, arrived) for n in range(6)]
        return [(*plan, arrived)], assigned

    def event(self) -> tuple[Any, ...]:
        """One telemetry event; what is bought may lack a surface."""
        draw = self.random
        return (
            draw.choice([f"e{draw.randrange(30)}"] * 9 + [None]),
            draw.choice(["impression", "click", "add_to_cart", "purchase"] * 3 + ["view", None]),
            draw.choice([None, " ", "eu"]),
            draw.choice([*SURFACES, None, " ", "nowhere"]),
            draw.choice([f"u{draw.randrange(6)}"] * 9 + [""]),
            draw.choice([f"s{draw.randrange(12)}", None]),
            draw.choice([f"item{draw.randrange(9)}", None]),
            draw.choice([f"t{draw.randrange(9)}", " "]),
            draw.choice(["a", "b", None]),
            draw.choice([None, 1, 0.5]),
            draw.choice([None, 0, 19.99, -5, 10**13]),
            draw.choice(["EUR", None]),
            draw.choice([self.moment()] * 9 + [None]),
            self.loaded(),
        )

    def item(self) -> tuple[Any, ...]:
        """One version of an item of the catalogue."""
        draw = self.random
        return (
            draw.choice([f"item{draw.randrange(9)}"] * 9 + [" "]),
            draw.choice(["Ärzte & Co", "acme", None, " "]),
            draw.choice(["shoes", None]),
            draw.choice([None, 1, 9.99]),
            draw.choice([True, False, None]),
            draw.choice([self.moment()] * 9 + [None]),
            self.loaded(),
        )

    def trace(self) -> tuple[Any, ...]:
        """One response: few items and users, so that lists overlap and versions meet."""
        draw = self.random
        return (
            draw.choice(
                # Those of the few ids that events name too.
                [f"t{draw.randrange(150)}"] * 9 + [f"t{draw.randrange(9)}"] * 3 + [None, " "]
            ),
            draw.choice([None, "default", "eu"]),
            draw.choice([*SURFACES, *SURFACES, "nowhere"]),
            draw.choice([f"u{draw.randrange(9)}"] * 12 + [None]),
            draw.choice([self.moment()] * 12 + [None]),
            self.payload(),
            self.loaded(),
        )

    def payload(self) -> str | None:
        """A response as services log it, and as they should not."""
        draw = self.random
        if draw.random() < 0.25:
            return draw.choice(
                [
                    *(None, "null", "{}", "[]", '"text"', '{"items": []}', '{"items": null}'),
                    *('{"items": {"item_id": "i"}}', '{"items": [1, {}]}', '{"items": [null]}'),
                    *('{"items": [[{}]]}', '{"items": [{}]}', '{"extras": []}', '{"extras": {}}'),
                    *('{"candidate_sources": [1]}', '{"candidate_sources": {"a": 1}}'),
                    *('{"candidate_sources": {"a": {"count": "1"}, "b": null}}', '{"k": "3"}'),
                    *('{"extras": {"blend": {"alpha": "much"}}}', '{"k": 1e400}', '{"k": 0}'),
                    *('{"extras": {"cold_start_impression": 1}}', '{"latency_ms": true}'),
                    *('{"items": [{"available": "no"}]}', '{"items": [{"rank": "first"}]}'),
                ]
            )
        document = {
            "k": draw.choice([3, 3, 2.5, None]),
            "device": draw.choice(["ios", "web", "", None, 7]),
            "user_type": draw.choice(["new", "returning", None]),
            "latency_ms": draw.choice([41.5, 250, 1e-320, 0, None]),
            "items": [self.served() for _ in range(draw.randrange(6))],
            "candidate_sources": {
                source: draw.choice([{"count": draw.choice([0, 0, 3, None])}, {}, None])
                for source in draw.sample(["collaborative", "popularité", "a.b"], 2)
            },
            "extras": {
                "experiment_key": draw.choice(["blend", None]),
                "experiment_variant": draw.choice(["a", "b", None]),
                "personalized_items_count": draw.choice([None, 0, 1, 2, 2.5, -1, 1e300]),
                "reason_items_count": draw.choice([None, 0, 3]),
                "cold_start_impression": draw.choice([True, False, None]),
            },
            "unknown": [{"deep": {"er": [1]}}],
        }
        for key in draw.sample(list(document), draw.randrange(3)):
            del document[key]
        return json.dumps(document, ensure_ascii=draw.random() < 0.5)

    def served(self) -> dict[str, Any]:
        """One item of a response; keys are missing now and then."""
        draw = self.random
        item = {
            "item_id": draw.choice([f"item{draw.randrange(9)}"] * 12 + [None, " ", 5]),
            "rank": draw.choice([None, 1, 2, 3, 4, 2.25]),
            "score": draw.choice([0.5, None]),
            "brand": draw.choice([None, "acme", "Ärzte & Co", '"quoted" \\\\', ""]),
            "category": draw.choice([None, "shoes", "hats"]),
            "personalized": draw.choice([True, False, None]),
            "available": draw.choice([True, True, False, None]),
            "reasons": draw.choice([[], ["seen"], None, [None], "seen"]),
        }
        for key in draw.sample(list(item), draw.randrange(4)):
            del item[key]
        return item

    def arrive(self, project: Project, rows: int = 60) -> None:
        """The next batch: new rows, and rows changed where they stand."""
        draw = self.random
        count = {"metrics": rows, "interactions": rows // 3, "sessions": rows // 5}
        project.insert(
            "personalization_metrics", METRICS, [self.metric() for _ in range(count["metrics"])]
        )
        project.insert(
            "user_interactions",
            INTERACTIONS,
            [self.interaction() for _ in range(count["interactions"])],
        )
        project.insert("sessions", SESSIONS, [self.session() for _ in range(count["sessions"])])
        project.insert("shop_events", EVENTS, [self.event() for _ in range(rows // 4)])
        project.insert("decision_traces", TRACES, [self.trace() for _ in range(rows // 2)])
        project.insert("catalog_items", ITEMS, [self.item() for _ in range(6)])
        plans, assigned = self.steady() if not self.batch else ([], [])
        plans += [self.experiment() for _ in range(2)]
        project.insert("experiments", EXPERIMENTS, plans)
        project.insert(
            "experiment_assignments",
            ("experiment_key", "user_id", "variation", "assigned_at", "loaded_at"),
            [*assigned, *(self.assignment() for _ in range(8))],
        )
        project.insert(
            "personalization_settings",
            ("user_id", "personalization_enabled", "updated_at", "loaded_at"),
            [
                (f"u{draw.randrange(3)}", draw.random() < 0.5, self.moment(), self.loaded())
                for _ in range(3)
            ],
        )
        project.insert(
            "rejected_rows",
            ("source_table", "file", "line", "reason", "content", "loaded_at"),
            [
                ("personalization_metrics", f"f{self.batch}", line, "invalid_json", "{", when)
                for line, when in enumerate([self.loaded() for _ in range(draw.randrange(3))])
            ],
        )
        project.execute(*self.updates_in_place())
        self.batch += 1

    def updates_in_place(self) -> list[str]:
        """Statements as an application sends them: a row changes, and its `loaded_at` with it."""
        draw = self.random
        statements = []
        for _ in range(draw.randrange(4)):
            change = draw.choice(
                [
                    "click_through = true",
                    "user_id = 'u1'",
                    "user_id = ' '",
                    f"created_at = timestamptz '{self.moment()}'",
                    "surface = 'pdp', dwell_time_ms = 1500",
                    "dwell_time_ms = -5",
                    "experiment_key = 'ranker', variation = 'b'",
                ]
            )
            statements.append(
                f"update raw.personalization_metrics set {change},"
                f" loaded_at = timestamptz '{self.loaded()}'"
                f" where id = 'i{draw.randrange(60)}'"
            )
        for table, key, prefix, column in (
            ("user_interactions", "id", "n", "created_at"),
            ("sessions", "session_id", "s", "started_at"),
        ):
            if draw.random() < 0.5:
                statements.append(
                    f"update raw.{table} set {column} = timestamptz '{self.moment()}',"
                    f" loaded_at = timestamptz '{self.loaded()}'"
                    f" where {key} = '{prefix}{draw.randrange(12)}'"
                )
        return statements
