"""A small shop with experiments of every kind, its rows sound: what the reference reads."""

from __future__ import annotations

import datetime as dt
import json
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.project.history import EVENTS, EXPERIMENTS, METRICS, SESSIONS, TRACES

if TYPE_CHECKING:
    from tests.project.harness import Project

START = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
DAYS = 24
DAY = dt.timedelta(days=1)
# Of the experiment `ended`; half of what happens on a day does so at midnight or noon.
END = START + 13.5 * DAY
# Before the first assignment, and when some users see a second arm.
FIRST, NEWEST = START + 4 * DAY, START + 16 * DAY
SURFACES = ("home", "pdp", "for_you")
Row = dict[str, Any]


@dataclass
class Shop:
    """Raw rows by table, each a dict of the columns that matter."""

    experiments: list[Row] = field(default_factory=list)
    assignments: list[Row] = field(default_factory=list)
    impressions: list[Row] = field(default_factory=list)
    traces: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    saves: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)

    def insert(self, project: Project, loaded_at: dt.datetime, part: int, parts: int) -> None:
        """The rows of one part of all.

        The last part has the newest days, as on most nights: what it changes has a past; and a few
        impressions from before any exposure, logged under no experiment. Of the other parts a row's
        place decides, so they are out of order.
        """
        last = parts - 1

        def some(rows: list[Row]) -> list[Row]:
            found = []
            for number, row in enumerate(rows):
                moment = moment_of(row)
                straggles = (
                    moment < FIRST and number % 7 == 0 and row.get("experiment_key", 0) is None
                )
                if (last if straggles or moment >= NEWEST else number % last) == part:
                    found.append(row)
            return found

        project.insert(
            "experiments",
            EXPERIMENTS,
            [
                (
                    *(row["experiment_key"], "An experiment", "running"),
                    *(json.dumps(row["variations"]), row["started_at"], row["ended_at"]),
                    *(json.dumps(row["config"]), "team", row["updated_at"], loaded_at),
                )
                for row in some(self.experiments)
            ],
        )
        assignment = ("experiment_key", "user_id", "variation", "assigned_at")
        project.insert(
            "experiment_assignments",
            (*assignment, "loaded_at"),
            [(*(row[name] for name in assignment), loaded_at) for row in some(self.assignments)],
        )
        project.insert(
            "personalization_metrics",
            METRICS,
            [
                (
                    *(row["id"], row["user_id"], row["surface"], row["experiment_key"]),
                    *(row["variation"], row["clicked"], row["dwell_ms"], None, None),
                    json.dumps({"device": row["device"], "country": row["country"]}),
                    *(row["created_at"], loaded_at),
                )
                for row in some(self.impressions)
            ],
        )
        project.insert(
            "decision_traces",
            TRACES,
            [
                (
                    *(row["id"], row["namespace"], row["surface"], row["user_id"]),
                    *(row["created_at"], json.dumps(payload(row)), loaded_at),
                )
                for row in some(self.traces)
            ],
        )
        project.insert(
            "shop_events",
            EVENTS,
            [
                (
                    *(row["id"], row["name"], row["namespace"], row["surface"], row["user_id"]),
                    *(None, row["item_id"], row["trace_id"], row["variant"], 1, row["revenue"]),
                    *("EUR", row["created_at"], loaded_at),
                )
                for row in some(self.events)
            ],
        )
        project.insert(
            "user_interactions",
            ("id", "user_id", "interaction_type", "created_at", "loaded_at"),
            [
                (row["id"], row["user_id"], "save", row["created_at"], loaded_at)
                for row in some(self.saves)
            ],
        )
        project.insert(
            "sessions",
            SESSIONS,
            [
                (
                    *(row["id"], row["user_id"], row["started_at"], row["ended_at"]),
                    *(row["device"], row["country"], row["is_bounce"], row["is_crash_free"]),
                    loaded_at,
                )
                for row in some(self.sessions)
            ],
        )


def moment_of(row: Row) -> dt.datetime:
    """When it happened."""
    times = ("created_at", "assigned_at", "updated_at", "started_at")
    moment: dt.datetime = next(row[name] for name in times if name in row)
    return moment


def payload(trace: Row) -> Row:
    """A response of as many items as the trace says."""
    return {
        "device": trace["device"],
        "user_type": trace["user_type"],
        "latency_ms": trace["latency_ms"],
        "items": [
            {
                "item_id": item_id(trace, n),
                "personalized": n < trace["personalized"],
                "available": n > 0,
            }
            for n in range(trace["items"])
        ],
        "extras": {
            "experiment_key": trace["experiment_key"],
            "experiment_variant": trace["variation"],
        },
    }


def item_id(trace: Row, place: int) -> str:
    return f"i{place + trace.get('offset', 0)}"


def arm(key: str, weight: float | None = None, control: bool = False) -> Row:
    return {"key": key, "weight": weight, "is_control": control}


def plans() -> list[Row]:
    """A ramp, a restart, three arms with one never used, an end, a draft; both sources."""
    even = [arm("a", 0.5, control=True), arm("b", 0.5)]
    ramp = [arm("a", 99, control=True), arm("b", 1)]
    shop = {"source": "shop_events", "surfaces": ["home", "pdp"], "latency_threshold_ms": 100}
    at = START + 6 * DAY

    def version(key: str, variations: list[Row], config: Row, **times: dt.datetime | None) -> Row:
        row = {"experiment_key": key, "variations": variations, "config": config}
        return {**row, "started_at": at, "ended_at": None, "updated_at": at - DAY, **times}

    return [
        version("ramped", ramp, {"surfaces": ["home", "for_you"]}),
        version("ramped", even, {"surfaces": ["home", "for_you"]}, updated_at=at + 3 * DAY),
        version("ramped", even, {"surfaces": ["home", "for_you"]}, updated_at=at + 5 * DAY),
        version("telemetry", [arm("a", 1), arm("b", 2), arm("c", 1)], shop, updated_at=at + DAY),
        version("restarted", even, {}),
        version("restarted", even, {}, started_at=at + 5 * DAY, updated_at=at + 6 * DAY),
        version("ended", [arm("a"), arm("b")], shop, ended_at=END),
        version("draft", even, {}, started_at=None),
    ]


class Draw(random.Random):
    """Random values of this shop: half of what happens does so at a few round moments, so that ties
    and boundaries are met."""

    users = 30

    def user(self) -> str:
        return f"u{self.randrange(self.users)}"

    def moment(self) -> dt.datetime:
        seconds = self.choice([0, 12 * 3600, self.randrange(86400), self.randrange(86400)])
        return START + self.randrange(DAYS) * DAY + dt.timedelta(seconds=seconds)


def make_shop(seed: int) -> Shop:
    """Rows drawn from a seed."""
    draw = Draw(seed)
    shop = Shop(experiments=plans())
    for key in ("ramped", "telemetry", "restarted", "ended", "unheard_of"):
        for number in range(draw.users * 3 // 4):
            shop.assignments += assignments(draw, key, f"u{number}")
    shop.impressions = [impression(draw, number) for number in range(40 * draw.users)]
    shop.traces = [trace(draw, number) for number in range(8 * draw.users)]
    shop.traces += long_responses()
    shop.events = [event(draw, number, shop.traces) for number in range(30 * draw.users)]
    shop.saves = [
        {"id": f"v{number}", "user_id": draw.user(), "created_at": draw.moment()}
        for number in range(4 * draw.users)
    ]
    shop.sessions = [session(draw, number) for number in range(9 * draw.users)]
    shop.events += [at_the_end(number) for number in range(draw.users)]
    return shop


def assignments(draw: Draw, key: str, user: str) -> list[Row]:
    """Of a user: mostly one arm, some a second one, then or later."""
    first = START + draw.choice([4, 6, 7, 9, 11, 12]) * DAY
    first += dt.timedelta(hours=draw.choice([0, 0, 5]))
    arms = draw.choice([["a"], ["b"], ["a"], ["b"], ["a", "b"], ["b", "stray"]])
    return [
        {
            "experiment_key": key,
            "user_id": user,
            "variation": variation,
            "assigned_at": first + place * draw.choice([0, 1, 3, 5]) * DAY,
        }
        for place, variation in enumerate(arms)
    ]


def impression(draw: Draw, number: int) -> Row:
    return {
        "id": f"m{number}",
        "user_id": draw.user(),
        "surface": draw.choice(SURFACES),
        "experiment_key": draw.choice([None, "ramped", "restarted"]),
        "variation": draw.choice(["a", "b", None]),
        "clicked": draw.random() < 0.3,
        "dwell_ms": draw.choice([None, 1500, Decimal("250.125"), 80_000]),
        "device": draw.choice(["ios", "web", None]),
        "country": draw.choice(["DE", "FR", None]),
        "created_at": draw.moment(),
    }


def trace(draw: Draw, number: int) -> Row:
    return {
        "id": f"t{number}",
        "namespace": draw.choice(["default", "eu"]),
        "user_id": draw.user(),
        "surface": draw.choice(SURFACES),
        "device": draw.choice(["ios", "web", None]),
        "user_type": draw.choice(["new", "returning", None]),
        "latency_ms": draw.choice([None, 40, 150, 200, 250.5]),
        "items": draw.randrange(6),
        "personalized": draw.randrange(4),
        "experiment_key": draw.choice(["telemetry", "ended", None]),
        "variation": draw.choice(["a", "b", None]),
        "created_at": draw.moment(),
    }


def long_responses() -> list[Row]:
    """Enough items in one cell for two full blocks of a thousand, and some more."""
    return [
        {
            "id": f"long{number}",
            "user_id": "u1",
            "surface": "home",
            "namespace": "bulk",
            "device": "web",
            "user_type": "new",
            "latency_ms": None,
            "personalized": 0,
            "items": 700,
            "offset": offset,
            "experiment_key": "telemetry",
            "variation": "a",
            "created_at": START + 8 * DAY + dt.timedelta(hours=hours),
        }
        for number, (offset, hours) in enumerate([(350, 2), (0, 3), (0, 1)])
    ]


def event(draw: Draw, number: int, traces: list[Row]) -> Row:
    """A click's response and item repeat, also under other users and on other days."""
    name = draw.choice(["impression", "impression", "click", "add_to_cart", "purchase"])
    response = draw.choice(traces) if draw.random() < 0.6 else None
    revenue = draw.choice([None, Decimal("19.99"), Decimal(-5), Decimal("0.0001")])
    return {
        "id": f"e{number}",
        "name": name,
        "namespace": response["namespace"] if response else "default",
        "surface": draw.choice([*SURFACES, None] if name == "purchase" else SURFACES),
        "user_id": response["user_id"] if response and draw.random() < 0.9 else draw.user(),
        "item_id": draw.choice(["i0", "i1", None]),
        "trace_id": response["id"] if response else draw.choice([None, "t0", "t1", "lost"]),
        "variant": draw.choice(["a", "b", None]),
        "revenue": revenue if name == "purchase" else None,
        "created_at": draw.moment(),
    }


def at_the_end(number: int) -> Row:
    """Of each user, at the moment at which the experiment `ended` is over."""
    return {
        "id": f"end{number}",
        "name": "impression",
        "namespace": "default",
        "surface": "home",
        "user_id": f"u{number}",
        "item_id": None,
        "trace_id": None,
        "variant": None,
        "revenue": None,
        "created_at": END,
    }


def session(draw: Draw, number: int) -> Row:
    start = draw.moment()
    ends = [None, start, start + dt.timedelta(hours=draw.randrange(60)), start - DAY]
    return {
        "id": f"s{number}",
        "user_id": draw.user(),
        "started_at": start,
        "ended_at": draw.choice(ends),
        "device": draw.choice(["tv", "watch", None]),
        "country": draw.choice(["ES", "PT", None]),
        "is_bounce": draw.choice([True, False, None]),
        "is_crash_free": draw.choice([True, False, None]),
    }
