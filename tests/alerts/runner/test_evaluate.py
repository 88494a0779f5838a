"""Sums on real DuckDB and Postgres, and which buckets are judged."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from alerts.errors import ConfigurationError
from alerts.rules import DEFAULT_RULES, load_rules
from alerts.runner import (
    evaluate,
)
from alerts.runner.document import result_document
from alerts.warehouse import open_warehouse
from tests.alerts.handmade import Cell, Marts, ddl, healthy
from tests.alerts.runner.helpers import day, one, rule, ruleset, run, states
from tests.alerts.runner.trials_ddl import trials_ddl

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.warehouse import Target


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
    assert one(run(marts, weekly, as_of=day(7))).state == "too_few"
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
    assert (result.state, result.bucket) == ("too_few", day(14))
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
            for statement in (*ddl(), *trials_ddl(), *statements, surfaces):
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
