"""The figures of a report, read from marts made by hand."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from alerts.errors import WarehouseError
from alerts.report.content import Shade
from alerts.report.figures import read_figures
from alerts.warehouse.duckdb_engine import DuckDB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.report.figures import Figures

FIRST = date(2025, 6, 1)
TABLES = """
create schema x_analytics;
create schema x_reference;
create table x_reference.surfaces (
    surface text, has_impressions boolean, min_ctr double, min_dwell_ms double, owner text);
insert into x_reference.surfaces values
    ('home', true, 0.04, 5000, 'shop'), ('pdp', true, null, null, null),
    ('email', false, 0.04, 5000, 'crm');
create table x_analytics.engagement_daily (
    day date, surface text, country text, impressions bigint, clicks bigint,
    dwell_events bigint, dwell_ms_sum decimal(38, 3));
create table x_analytics.session_coverage_daily (
    day date, surface text, sessions_with_impression bigint, sessions_total bigint);
create table x_analytics.funnel_daily (
    day date, surface text, impressions bigint, clicks bigint, saves bigint);
create table x_analytics.dwell_histogram_daily (
    day date, surface text, bucket text, bucket_lower_ms bigint, events bigint);
"""


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect()) as opened:
        opened.execute(TABLES)
        yield opened


@pytest.fixture
def filled(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    daily = [(day(n), "home", country, 100, 10, 50, 100_000) for n in range(20) for country in "ab"]
    daily += [(day(4), "pdp", "a", 10, 1, 0, None)]
    connection.executemany(
        "insert into x_analytics.engagement_daily values (?, ?, ?, ?, ?, ?, ?)",
        [row for row in daily if row[0] != day(2)],
    )
    connection.executemany(
        "insert into x_analytics.session_coverage_daily values (?, ?, ?, ?)",
        [(day(18), "home", 30, 120), (day(18), "pdp", 0, 0), (day(19), "home", 1, 1)],
    )
    connection.executemany(
        "insert into x_analytics.funnel_daily values (?, 'home', 100, 10, 2)",
        [(day(n),) for n in range(20)],
    )
    connection.executemany(
        "insert into x_analytics.dwell_histogram_daily values (?, 'home', ?, ?, ?)",
        [(day(n), "10-20s", 10_000, 3) for n in range(20)]
        + [(day(n), "2-5s", 2_000, 1) for n in range(20)],
    )
    return connection


def read(connection: duckdb.DuckDBPyConnection, shade: Shade | None = None) -> Figures:
    return read_figures(DuckDB(connection, "memory"), "x_", shade)


def test_countries_are_summed_and_the_newest_day_is_left_out(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    figures = read(filled)
    home = figures.of("home", day(18))

    assert figures.span == (day(0), day(18))
    assert len(figures.days) == 19
    assert (home.impressions, home.ctr, home.avg_dwell_ms) == (200, 0.1, 2000.0)
    assert figures.of("home", day(2)).ctr is None
    assert figures.of("pdp", day(4)).avg_dwell_ms is None


def test_surfaces_without_impressions_are_left_out(filled: duckdb.DuckDBPyConnection) -> None:
    home, pdp = read(filled).surfaces

    assert (home.name, home.min_ctr, home.owner) == ("home", 0.04, "shop")
    assert (pdp.name, pdp.min_ctr, pdp.owner) == ("pdp", None, "")


def test_coverage_is_that_of_the_last_day(filled: duckdb.DuckDBPyConnection) -> None:
    assert read(filled).coverage == {"home": 0.25}


def test_the_funnel_waits_for_saves(filled: duckdb.DuckDBPyConnection) -> None:
    figures = read(filled)
    (home,) = figures.funnel

    assert figures.funnel_days == (day(5), day(11))
    assert (home.impressions, home.clicks, home.saves) == (700, 70, 14)


def test_dwell_of_the_shade_stands_beside_the_week_before(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    histogram = read(filled, Shade("drop", day(10), day(11), "home")).histogram

    assert histogram is not None
    assert histogram.spans == (f"{day(3)} to 06-10", f"{day(10)} to 06-12")
    assert histogram.buckets == ("2-5s", "10-20s")
    assert [bar.share for bar in histogram.bars] == [0.25, 0.75] * 2


def test_dwell_without_a_shade_is_that_of_the_last_week(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    histogram = read(filled).histogram

    assert histogram is not None
    assert histogram.spans == (f"{day(12)} to 06-19",)


def test_a_surface_without_dwell_has_no_histogram(filled: duckdb.DuckDBPyConnection) -> None:
    assert read(filled, Shade("drop", day(10), day(11), "pdp")).histogram is None


def test_empty_marts_have_nothing_to_report(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(WarehouseError, match="no complete day"):
        read(connection)
