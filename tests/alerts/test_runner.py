"""Evaluation on real DuckDB files: sums, completeness, states, episodes, messages, delivery."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from alerts.errors import ConfigurationError, WarehouseError
from alerts.notify import Alert, ConsoleReceiver, Delivery, Message
from alerts.rules import DEFAULT_RULES, RuleSet, load_rules
from alerts.runner import (
    Evaluation,
    Outgoing,
    Result,
    Settings,
    decide,
    deliver,
    evaluate,
    open_receivers,
)
from alerts.runner.document import document, result_document
from alerts.runner.evaluate import fingerprint
from alerts.warehouse import open_warehouse
from tests.alerts.handmade import DAY_ONE, Cell, Marts, ddl, healthy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alerts.warehouse import Target


@pytest.fixture
def marts(tmp_path: Path) -> Marts:
    return Marts(tmp_path / "marts.duckdb")


def rule(**fields: Any) -> dict[str, Any]:
    base = {
        "name": "r",
        "mart": "analytics.engagement_daily",
        "metric": "ctr",
        "by": ["surface"],
        "when": "< 0.04",
    }
    return {**base, **{name.rstrip("_"): value for name, value in fields.items()}}


def ruleset(tmp_path: Path, *rules: dict[str, Any], receivers: str = "") -> RuleSet:
    file = tmp_path / "rules.yml"
    listed = "".join(f"  - {json.dumps(one)}\n" for one in rules)
    file.write_text(f"version: 1\n{receivers}rules:\n{listed}")
    return load_rules([file])


def run(
    marts: Marts, *rules: dict[str, Any], as_of: date | None = None, **settings: Any
) -> Evaluation:
    loaded = ruleset(marts.path.parent, *rules)
    with closing(marts.open()) as warehouse:
        return evaluate(loaded.rules, warehouse, as_of, Settings(**settings))


def shipped(marts: Marts, as_of: date | None = None) -> Evaluation:
    with closing(marts.open()) as warehouse:
        return evaluate(load_rules([DEFAULT_RULES]).rules, warehouse, as_of)


def states(evaluation: Evaluation) -> dict[str, str]:
    return {",".join(v for _, v in one.labels): one.state for one in evaluation.results}


def one(evaluation: Evaluation) -> Result:
    (result,) = evaluation.results
    return result


def day(offset: int) -> date:
    return DAY_ONE + timedelta(days=offset)


# Sums


def test_counts_are_summed_before_they_are_divided(marts: Marts) -> None:
    marts.daily(
        Cell(0, impressions=10, clicks=9, country="DE"),
        Cell(0, impressions=990, clicks=21, country="FR", variation="b"),
        Cell(1),
    )
    result = {r.labels: r for r in run(marts, rule()).results}[("surface", "home"),]
    assert result.value == 0.03
    assert (result.numerator, result.denominator) == (30, 1000)
    assert result.reason == "ctr 3 % < 4 % (clicks 30 / impressions 1,000)"


def test_where_and_labels_choose_the_rows(marts: Marts) -> None:
    for clicks, country in ((10, "DE"), (90, "FR")):
        marts.daily(Cell(0, clicks=clicks, country=country), Cell(1, country=country))
    chosen = rule(by=["surface", "country"], where={"country": "DE"})
    assert states(run(marts, chosen)) == {"home,DE": "firing"}
    everything = rule(by=[], when="> 0")
    assert states(run(marts, everything)) == {"": "firing"}
    by_country = rule(by=["country"])
    assert states(run(marts, by_country)) == {"DE": "firing", "FR": "ok"}


def test_a_quoted_value_is_data_not_sql(marts: Marts) -> None:
    marts.daily(Cell(0, country="x' or '1'='1"), Cell(1))
    evaluation = run(marts, rule(by=["country"], where={"country": "x' or '1'='1"}, when="> 0"))
    assert states(evaluation) == {"x' or '1'='1": "firing"}


def test_a_mean_and_a_decimal_sum(marts: Marts) -> None:
    marts.daily(Cell(0, dwell_events=3, dwell_ms=4999.5), Cell(1))
    result = run(marts, rule(metric="avg_dwell_ms", when="< 5000")).results[1]
    assert result.value == pytest.approx(4999.5)
    assert result.numerator == 14998.5
    assert (
        result.reason == "avg_dwell_ms 4999.5 ms < 5000 ms (dwell_ms_sum 14,998 / dwell_events 3)"
    )


def test_rules_on_the_same_grouping_share_one_query(marts: Marts) -> None:
    marts.daily(*healthy(3))
    loaded = ruleset(
        marts.path.parent, rule(), rule(name="d", metric="avg_dwell_ms"), rule(name="all", by=[])
    )
    with closing(marts.open()) as warehouse:
        asked: list[Any] = []
        plain = warehouse.aggregate

        def counting(*arguments: Any) -> Any:
            asked.append(arguments)
            return plain(*arguments)

        warehouse.aggregate = counting  # type: ignore[method-assign]
        evaluate(loaded.rules, warehouse)
    # One for the newest bucket, one for each of the two groupings.
    assert len(asked) == 3


# Which buckets are judged


def test_the_newest_bucket_is_not_over_and_not_judged(marts: Marts) -> None:
    marts.daily(Cell(0), Cell(1, clicks=0))
    result = run(marts, rule(where={"surface": "home"})).results
    assert [(r.bucket, r.state) for r in result] == [(day(0), "ok")]


def test_a_later_bucket_of_another_series_completes_a_day(marts: Marts) -> None:
    marts.daily(Cell(0, "home", clicks=0), Cell(1, "pdp"))
    assert states(run(marts, rule()))["home"] == "firing"
    filtered = run(marts, rule(where={"surface": "home"}))
    assert states(filtered) == {"home": "firing"}


def test_as_of_takes_the_place_of_the_newest_data(marts: Marts) -> None:
    marts.daily(*(Cell(n, clicks=0 if n == 2 else 100) for n in range(5)))
    home = rule(where={"surface": "home"})
    assert one(run(marts, home, as_of=day(3))).bucket == day(2)
    assert one(run(marts, home, as_of=day(3))).state == "firing"
    assert one(run(marts, home, as_of=day(2))).state == "ok"
    at_noon = datetime(2025, 3, 5, 12, tzinfo=UTC)
    assert one(run(marts, home, as_of=at_noon)).bucket == day(1)
    assert one(run(marts, home, as_of=datetime(2025, 3, 6))).bucket == day(2)  # noqa: DTZ001
    silent = one(run(marts, home, as_of=day(9)))
    assert (silent.state, silent.bucket, silent.since) == ("no_data", day(8), day(5))


def test_later_buckets_are_not_seen_at_all(marts: Marts) -> None:
    marts.daily(Cell(0), Cell(1, clicks=0), Cell(2, clicks=0))
    assert run(marts, rule(where={"surface": "home"}), as_of=day(1)).episodes == ()


def test_as_of_in_the_reporting_time_zone(marts: Marts) -> None:
    marts.daily(Cell(0), Cell(1), Cell(2))
    home = rule(where={"surface": "home"})
    just_after_midnight_in_berlin = datetime(2025, 3, 4, 23, 30, tzinfo=UTC)
    berlin = one(run(marts, home, as_of=just_after_midnight_in_berlin, timezone="Europe/Berlin"))
    utc = one(run(marts, home, as_of=just_after_midnight_in_berlin))
    assert (berlin.bucket, utc.bucket) == (day(1), day(0))
    with pytest.raises(ConfigurationError, match="no time zone 'Mars/Olympus'"):
        run(marts, home, as_of=day(1), timezone="Mars/Olympus")


def test_hours_are_instants(marts: Marts) -> None:
    start = datetime(2025, 3, 3, 22, tzinfo=UTC)
    marts.hourly(*((start + timedelta(hours=n), "home", 100, n) for n in range(5)))
    hourly = rule(mart="analytics.engagement_hourly", where={"surface": "home"}, for_="2h")
    result = one(run(marts, hourly))
    assert (result.state, result.bucket) == ("firing", start + timedelta(hours=3))
    assert result.since == start
    assert result_document(result)["bucket"] == "2025-03-04T01:00:00Z"
    at_midnight = one(run(marts, hourly, as_of=date(2025, 3, 4)))
    assert at_midnight.bucket == datetime(2025, 3, 3, 23, tzinfo=UTC)
    between = one(run(marts, hourly, as_of=datetime(2025, 3, 4, 0, 59, tzinfo=UTC)))
    assert between.bucket == datetime(2025, 3, 3, 23, tzinfo=UTC)


def test_weeks_are_over_when_the_mart_says_so(marts: Marts) -> None:
    marts.weekly(
        (0, "home", 1000, 100, True), (1, "home", 1000, 80, True), (2, "home", 1000, 1, False)
    )
    weekly = rule(
        mart="analytics.ctr_weekly",
        kind="week_over_week",
        metric="wow_change_relative",
        when="< -0.15",
        where={"surface": "home"},
    )
    result = one(run(marts, weekly))
    assert (result.bucket, result.state) == (day(7), "firing")
    assert result.value == pytest.approx(-0.2)
    assert one(run(marts, weekly, as_of=day(14))) == result
    assert one(run(marts, weekly, as_of=day(17))) == result
    assert one(run(marts, weekly, as_of=day(7))).state == "no_data"
    assert one(run(marts, weekly, as_of=day(21))).value == pytest.approx(-0.9875)


def test_a_missing_week_is_never_bridged(marts: Marts) -> None:
    marts.weekly((0, "home", 1000, 100, True), (2, "home", 1000, 10, True))
    weekly = rule(
        mart="analytics.ctr_weekly",
        kind="week_over_week",
        metric="wow_change",
        when="< 0",
        where={"surface": "home"},
    )
    result = one(run(marts, weekly))
    assert (result.state, result.bucket) == ("no_data", day(14))
    assert "to compare with" in result.reason


def test_a_funnel_is_judged_when_late_saves_have_come(marts: Marts) -> None:
    marts.execute(
        "create table analytics.funnel_daily as select date '2025-03-03' + n::int as day, "
        "'home' as surface, 1000 as impressions, 100 as clicks, 5 as saves from range(20) r(n)"
    )
    funnel = rule(mart="analytics.funnel_daily", metric="save_rate", where={"surface": "home"})
    result = one(run(marts, funnel))
    assert result.bucket == day(11)
    assert result.until == day(19)
    assert one(run(marts, funnel, as_of=result.until)).bucket == result.bucket


# States


def test_for_counts_buckets_and_pending_says_how_many(marts: Marts) -> None:
    marts.daily(*(Cell(n, clicks=100 if n < 2 else 10) for n in range(5)))
    held = rule(for_="2d", where={"surface": "home"})
    pending = one(run(marts, held, as_of=day(3)))
    assert (pending.state, pending.since) == ("pending", day(2))
    assert pending.reason.endswith("; 1 of 2 buckets")
    firing = one(run(marts, held))
    assert (firing.state, firing.since, firing.bucket) == ("firing", day(2), day(3))


def test_a_surface_without_rows_is_never_shown_as_fine(marts: Marts) -> None:
    marts.surfaces([("home", True, 0.04, 1.0), ("pdp", True, 0.04, 1.0), ("cart", False, 0.04, 1)])
    marts.daily(Cell(0), Cell(1), Cell(2))
    evaluation = run(marts, rule())
    assert states(evaluation) == {"home": "ok", "pdp": "no_data"}
    dead = evaluation.results[1]
    assert (dead.since, dead.bucket, dead.value) == (day(0), day(1), None)
    assert dead.reason == "no row for 2025-03-04"


def test_silence_holds_a_firing_episode(marts: Marts) -> None:
    marts.daily(Cell(0, clicks=1), Cell(1, clicks=1), Cell(4, "pdp"), Cell(5, "pdp"))
    evaluation = run(marts, rule(where={"surface": "home"}))
    result = one(evaluation)
    assert (result.state, result.bucket, result.since) == ("no_data", day(4), day(2))
    assert "it fired from 2025-03-03 to 2025-03-04 and is not known to have ended" in result.reason
    assert [(e.first, e.last, e.open) for e in evaluation.episodes] == [(day(0), day(1), True)]


def test_no_impressions_and_too_few(marts: Marts) -> None:
    marts.daily(
        Cell(0, "home", impressions=0, clicks=0),
        Cell(0, "pdp", impressions=499, clicks=0),
        Cell(0, "for_you", impressions=500, clicks=0),
        Cell(1),
    )
    guarded = rule(min_denominator={"column": "impressions", "value": 500})
    evaluation = run(marts, guarded)
    assert states(evaluation) == {"home": "no_data", "pdp": "too_few", "for_you": "firing"}
    small = evaluation.results[2]
    assert small.reason == "impressions 499 below 500"
    assert result_document(small)["value"] == 0


def test_a_null_sum_is_no_data_and_json_stays_json(marts: Marts) -> None:
    marts.daily(Cell(0), Cell(1))
    marts.execute("update analytics.engagement_daily set clicks = null")
    result = one(run(marts, rule(where={"surface": "home"})))
    assert result.state == "no_data"
    assert result_document(result)["numerator"] is None


def test_thresholds_differ_by_surface(marts: Marts) -> None:
    marts.surfaces(
        [("home", True, 0.2, 1.0), ("pdp", True, 0.01, 1.0), ("for_you", True, None, 1.0)]
    )
    marts.daily(*healthy(2))
    evaluation = run(marts, rule(when="< surfaces.min_ctr"))
    assert states(evaluation) == {"home": "firing", "pdp": "ok"}
    assert [r.threshold for r in evaluation.results] == [0.2, 0.01]
    (warning,) = evaluation.warnings
    assert "gives no min_ctr for 'for_you', so it is not judged" in warning


def test_a_reference_column_that_is_missing_or_no_number(marts: Marts) -> None:
    marts.daily(*healthy(2))
    with pytest.raises(ConfigurationError, match="has no column nope"):
        run(marts, rule(when="< surfaces.nope"))
    with pytest.raises(ConfigurationError, match="owner of 'for_you' is not a number"):
        run(marts, rule(when="< surfaces.owner"))


# What is missing


def test_a_missing_mart_names_itself_and_dbt_build(marts: Marts) -> None:
    marts.execute("drop table analytics.engagement_daily")
    with pytest.raises(WarehouseError, match=r"analytics\.engagement_daily .*dbt build"):
        run(marts, rule())


def test_a_missing_column_names_itself(marts: Marts) -> None:
    marts.execute("alter table analytics.engagement_daily drop column clicks")
    with pytest.raises(WarehouseError, match=r"engagement_daily has no column clicks: .*dbt build"):
        run(marts, rule())


def test_missing_reference_data(marts: Marts) -> None:
    marts.daily(*healthy(2))
    marts.execute("drop table reference.surfaces")
    with pytest.raises(WarehouseError, match=r"reference\.surfaces .*dbt build"):
        run(marts, rule())


def test_an_empty_mart_is_no_data_with_a_warning(marts: Marts) -> None:
    evaluation = run(marts, rule(), rule(name="all", by=[]), rule(name="c", by=["country"]))
    assert {r.state for r in evaluation.results} == {"no_data"}
    assert len(evaluation.results) == 4
    assert len(evaluation.warnings) == 3
    assert evaluation.results[0].reason == "the mart has no complete bucket"
    assert document(evaluation, "t", [], [])["results"][0]["bucket"] is None


def test_a_prefix_before_the_schemas(tmp_path: Path) -> None:
    marts = Marts(tmp_path / "p.duckdb", prefix="ann_")
    marts.daily(*healthy(2))
    assert states(run(marts, rule(), prefix="ann_")) == dict.fromkeys(
        ("for_you", "home", "pdp"), "ok"
    )
    with pytest.raises(WarehouseError, match="dbt build"):
        run(marts, rule())


# Episodes


def test_every_episode_of_the_past_is_found(marts: Marts) -> None:
    low = {2: 20, 3: 10, 4: 30, 8: 5, 12: 1, 13: 1}
    marts.daily(*(Cell(n, clicks=low.get(n, 100)) for n in range(15)))
    evaluation = run(marts, rule(for_="2d", where={"surface": "home"}))
    first, last = evaluation.episodes
    assert (first.first, first.fired, first.last, first.open) == (day(2), day(3), day(4), False)
    assert (first.worst, first.breaches, first.threshold) == (0.01, 3, 0.04)
    assert (last.first, last.last, last.open) == (day(12), day(13), True)
    assert first.fingerprint == last.fingerprint == one(evaluation).fingerprint


def test_history_beyond_the_look_back_is_not_read(marts: Marts) -> None:
    marts.daily(*(Cell(n, clicks=1 if n < 5 else 100) for n in range(30)))
    recent = run(marts, rule(where={"surface": "home"}), lookback=timedelta(days=10))
    assert recent.episodes == ()
    assert len(run(marts, rule(where={"surface": "home"})).episodes) == 1


def test_the_shipped_rules_find_what_is_planted_and_nothing_else(marts: Marts) -> None:
    cells = healthy(40)
    for cell in cells:
        if cell.surface == "home" and 20 <= cell.day <= 22:
            cell.clicks = 20
        if cell.surface == "pdp" and cell.day == 30:
            cell.dwell_ms = 3000
    marts.daily(*cells)
    marts.weekly(
        *(
            (week, surface, 7000, 500 if (week, surface) == (4, "for_you") else 700, True)
            for week in range(5)
            for surface in ("for_you", "home", "pdp")
        )
    )
    evaluation = shipped(marts)
    found = [(e.rule, dict(e.labels)["surface"], e.first, e.last) for e in evaluation.episodes]
    assert found == [
        ("ctr-floor", "home", day(20), day(22)),
        ("dwell-floor", "pdp", day(30), day(30)),
        ("ctr-week-over-week", "for_you", day(28), day(28)),
    ]
    assert [r.rule for r in evaluation.firing] == ["ctr-week-over-week"]


def test_the_fingerprint_is_the_rule_and_its_labels_in_any_order() -> None:
    one_way = fingerprint("r", (("a", "1"), ("b", "2")))
    assert one_way == fingerprint("r", (("b", "2"), ("a", "1")))
    assert len({one_way, fingerprint("r", (("a", "1"),)), fingerprint("r", (("a", "1b2"),))}) == 3
    assert one_way == "5316bc870143d445077e886cb800443886f788a944511e7537d69fb1e877073d"


def test_a_thousand_series_over_four_hundred_days_take_seconds(marts: Marts) -> None:
    marts.execute(
        "insert into analytics.engagement_daily select date '2025-03-03' + d::int, 'home', 'e', "
        "'v', 'c' || c, 1000, 40 + (d * 7 + c) % 60, 0, 10, 1, 1, 1, 1, now() "
        "from range(401) a(d), range(1000) b(c)"
    )
    started = time.monotonic()
    evaluation = run(marts, rule(by=["country"], when="< 0.05", for_="2d"))
    assert time.monotonic() - started < 8
    assert len(evaluation.results) == 1000


def test_postgres_gives_the_same(
    tmp_path: Path, marts: Marts, postgres_settings: dict[str, Any], postgres_target: Target
) -> None:
    """The same statements fill both; the whole evaluation must be equal."""
    rows = ", ".join(
        f"('2025-03-03'::date + {n}, 'home', 'e', '{variation}', 'DE', {900 + n}, {clicks}, null, "
        f"700, {4000 + n}.125, null, 1, 1, '2025-06-01 00:00:00+00')"
        for n, clicks in enumerate((50, 3, 2, 40, 1, 60))
        for variation in "ab"
    )
    statements = [
        f"insert into analytics.engagement_daily values {rows}",
        "insert into analytics.ctr_weekly values ('2025-03-03', 'home', 9000, 900, null, null, "
        "null, null, true, now()), ('2025-03-10', 'home', 9000, 700, null, null, null, null, true, "
        "now()), ('2025-03-17', 'home', 9000, 1, null, null, null, null, false, now())",
        "insert into analytics.engagement_hourly values "
        "('2025-03-03 22:00:00+00', 'home', 'e', 'a', 10, 1, null, 0, null, null, now()), "
        "('2025-03-03 23:00:00+00', 'home', 'e', 'a', 10, 0, null, 0, null, null, now())",
    ]
    surfaces = (
        "insert into reference.surfaces values ('for_you', true, 0.04, 5000, 'o', 'c'), "
        "('home', true, 0.04, 5000, 'o', 'c'), ('pdp', true, 0.04, 5000, 'o', 'c')"
    )
    for statement in statements:
        marts.execute(statement)
    with closing(psycopg2.connect(**postgres_settings)) as connection:
        with connection.cursor() as cursor:
            for statement in (*ddl(), *statements, surfaces):
                cursor.execute(statement)
        connection.commit()
    rules = (
        *load_rules([DEFAULT_RULES]).rules,
        *ruleset(tmp_path, rule(mart="analytics.engagement_hourly", by=["surface"])).rules,
    )
    for as_of in (None, date(2025, 3, 6), datetime(2025, 3, 18, 5, 30, tzinfo=UTC)):
        with closing(marts.open()) as duck, closing(open_warehouse(postgres_target)) as postgres:
            expected = evaluate(rules, duck, as_of)
            assert evaluate(rules, postgres, as_of) == expected
            assert expected.episodes


# Messages


def result(**fields: Any) -> Result:
    base: dict[str, Any] = {
        "rule": "r",
        "labels": (("surface", "home"),),
        "state": "firing",
        "severity": "warn",
        "bucket": day(3),
        "since": day(2),
        "value": 0.03,
        "threshold": 0.04,
        "numerator": 30,
        "denominator": 1000,
        "reason": "ctr 3 % < 4 %",
        "fingerprint": "f",
        "until": day(4),
        "unit": "share",
        "over": "impressions",
    }
    return Result(**{**base, **fields})


def decided(tmp_path: Path, results: Sequence[Result], flags: Sequence[str] = ()) -> list[Outgoing]:
    receivers = "receivers:\n  - {name: team, type: console}\n"
    rules = ruleset(
        tmp_path,
        rule(description="Says this.", playbook="Do that.\n"),
        rule(name="p", severity="page", receiver="team"),
        receivers=receivers,
    )
    return decide(Evaluation(None, tuple(results), ()), rules, flags)


def test_a_message_says_what_why_since_when_and_how_to_see_it_again(tmp_path: Path) -> None:
    (outgoing,) = decided(tmp_path, [result()], ["--rules", "my rules.yml"])
    assert outgoing.receiver == "console"
    assert outgoing.message.headline == "WARN: r {surface=home}"
    (alert,) = outgoing.message.alerts
    assert dict(alert.facts) == {
        "severity": "warn",
        "rule": "r",
        "surface": "home",
        "value": "3 %",
        "threshold": "< 4 %",
        "since": "2025-03-05",
        "bucket": "2025-03-06",
        "impressions": "1,000",
    }
    assert (alert.description, alert.playbook) == ("Says this.", "Do that.\n")
    assert alert.command == (
        "recwatch check --rule r --as-of 2025-03-07 --rules 'my rules.yml' --dry-run"
    )


def test_only_what_fires_is_sent_the_gravest_first(tmp_path: Path) -> None:
    quiet = [result(state=state) for state in ("ok", "pending", "no_data", "too_few")]
    outgoing = decided(tmp_path, [*quiet, result(), result(rule="p", severity="page")])
    assert [(o.receiver, o.message.severity) for o in outgoing] == [
        ("team", "page"),
        ("console", "warn"),
    ]


def test_more_than_ten_become_one_message_per_receiver(tmp_path: Path) -> None:
    results = [result(labels=(("surface", f"s{n}"),)) for n in range(10)]
    assert len(decided(tmp_path, results)) == 10
    grouped = decided(tmp_path, [*results, result(rule="p", severity="page")])
    assert [(o.receiver, len(o.message.alerts)) for o in grouped] == [("team", 1), ("console", 10)]
    assert grouped[1].message.headline == "WARN: 10 alerts fire"
    assert grouped[1].message.command == "recwatch check --dry-run"


# Delivery


class Scripted:
    """A receiver that answers as told."""

    def __init__(self, *answers: Delivery) -> None:
        self.answers = list(answers)
        self.got: list[Message] = []

    def send(self, message: Message) -> Delivery:
        self.got.append(message)
        return self.answers[min(len(self.got), len(self.answers)) - 1]


def outgoing(receiver: str, title: str) -> Outgoing:
    return Outgoing(receiver, Message(title, "warn", (Alert(title, "warn", "s", "f"),)))


def test_a_dead_receiver_is_asked_once_and_does_not_hold_up_the_others() -> None:
    dead = Scripted(Delivery("retryable", "connection refused"))
    alive = Scripted(Delivery("delivered"))
    messages = [outgoing(name, f"{name}{n}") for n in range(3) for name in ("dead", "alive")]
    sent = deliver(messages, {"dead": dead, "alive": alive})
    assert (len(dead.got), len(alive.got)) == (1, 3)
    assert [one.delivery.outcome for one in sent] == ["retryable", "delivered"] * 3
    assert sent[2].delivery.detail.startswith("not tried after an earlier message failed")


def test_a_refusal_concerns_one_message() -> None:
    picky = Scripted(Delivery("refused", "invalid_blocks"), Delivery("delivered"))
    sent = deliver([outgoing("picky", "a"), outgoing("picky", "b")], {"picky": picky})
    assert [one.delivery.outcome for one in sent] == ["refused", "delivered"]


SLACK = """receivers:
  - {name: token, type: slack, channel: "#c", token_env: TEAM_TOKEN}
  - {name: hook, type: slack, webhook_env: TEAM_HOOK}
"""


def test_receivers_without_their_secret_write_to_the_console(tmp_path: Path) -> None:
    rules = ruleset(
        tmp_path, rule(receiver="token"), rule(name="b", receiver="hook"), receivers=SLACK
    )
    outlets = open_receivers(rules, {"TEAM_TOKEN": " "}, print)
    assert set(outlets.types.values()) == {"console"}
    assert all(isinstance(one, ConsoleReceiver) for one in outlets.receivers.values())
    assert [w.split(":")[1].split()[0] for w in outlets.warnings] == ["TEAM_TOKEN", "TEAM_HOOK"]
    with pytest.raises(ConfigurationError, match="TEAM_HOOK is not set"):
        open_receivers(rules, {"TEAM_TOKEN": "x"}, print, strict=True)


def test_a_secret_of_the_wrong_shape_is_named_not_shown(tmp_path: Path) -> None:
    rules = ruleset(
        tmp_path, rule(receiver="token"), rule(name="b", receiver="hook"), receivers=SLACK
    )
    good = {"TEAM_TOKEN": "xoxb-1", "TEAM_HOOK": "https://hooks.example/x"}
    assert open_receivers(rules, good, print).warnings == ()
    for name, value in (
        ("TEAM_TOKEN", "canary with spaces"),
        ("TEAM_HOOK", "ftp://canary"),
        ("RECWATCH_SLACK_BASE_URL", "canary"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            open_receivers(rules, {**good, name: value}, print)
        assert name in str(caught.value)
        assert "canary" not in str(caught.value)


def test_only_receivers_that_a_rule_names_are_opened(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, rule(), receivers=SLACK)
    outlets = open_receivers(rules, {}, print, strict=True)
    assert list(outlets.receivers) == ["console"]
