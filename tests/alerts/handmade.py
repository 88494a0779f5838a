"""Marts made by hand in a DuckDB file, as `dbt build` would leave them."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from alerts.warehouse.duckdb_engine import DuckDB
from tests.alerts.runner.trials_ddl import trials_ddl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from alerts.warehouse import Warehouse

SURFACES = ("for_you", "home", "pdp")
DAY_ONE = date(2025, 3, 3)  # a Monday
LOADED = datetime(2025, 6, 1, tzinfo=UTC)

_DAILY = """create table {schema}analytics.engagement_daily (
    day date, surface text, experiment_key text, variation text, country text,
    impressions bigint, clicks bigint, ctr double precision, dwell_events bigint,
    dwell_ms_sum decimal(38, 3), avg_dwell_ms double precision, users bigint, sessions bigint,
    loaded_through timestamptz)"""
_HOURLY = """create table {schema}analytics.engagement_hourly (
    hour timestamptz, surface text, experiment_key text, variation text,
    impressions bigint, clicks bigint, ctr double precision, dwell_events bigint,
    dwell_ms_sum decimal(38, 3), avg_dwell_ms double precision, loaded_through timestamptz)"""
_WEEKLY = """create table {schema}analytics.ctr_weekly (
    week date, surface text, impressions bigint, clicks bigint, ctr double precision,
    prev_ctr double precision, wow_change double precision, wow_change_relative double precision,
    is_complete boolean, loaded_through timestamptz)"""
_INTRADAY = """create table {schema}analytics.personalization_intraday (
    bucket_start timestamptz, utc_day date, namespace text, surface text, requests bigint,
    served_items bigint, personalized_items bigint, personalized_impression_rate double precision,
    reason_items bigint, reason_coverage_rate double precision, loaded_through timestamptz)"""
_PERSONALIZATION = """create table {schema}analytics.personalization_daily (
    day date, namespace text, surface text, requests bigint, served_items bigint,
    personalized_items bigint, personalized_impression_rate double precision,
    reason_items bigint, reason_coverage_rate double precision, cold_start_requests bigint,
    cold_start_rate double precision, unavailable_items bigint, out_of_stock_rate double precision,
    catalog_overlap_pct double precision, overlap_stderr double precision, overlap_pairs bigint,
    brand_entropy double precision, category_entropy double precision,
    brand_entropy_normalized double precision, category_entropy_normalized double precision,
    clicks bigint, impressions bigint, ctr double precision, loaded_through timestamptz)"""
_OVERLAP = """create table {schema}analytics.topk_overlap_daily (
    day date, namespace text, surface text, cohort_type text, cohort text, users bigint,
    pairs bigint, is_exact boolean, mean double precision, stderr double precision,
    p50 double precision, p90 double precision, p95 double precision, p99 double precision,
    loaded_through timestamptz)"""
_SOURCES = """create table {schema}analytics.candidate_sources_daily (
    day date, namespace text, surface text, source text, requests bigint, zero_requests bigint,
    zero_rate double precision, count_sum bigint, avg_count double precision,
    longest_zero_streak bigint, trailing_zero_streak bigint, loaded_through timestamptz)"""
_QUALITY = """create table {schema}analytics.data_quality_daily (
    day date, source_table text, reason text, rows bigint, loaded_through timestamptz)"""
_SURFACES = """create table {schema}reference.surfaces (
    surface text, has_impressions boolean, min_ctr double precision, min_dwell_ms double precision,
    owner text, comment text)"""

WRITER = duckdb.connect()
# A file with empty marts, by their prefix: to copy one is much faster than to make it.
EMPTY: dict[str, bytes] = {}


@dataclass
class Cell:
    """One row of an engagement mart, in the terms that matter."""

    day: int
    surface: str = "home"
    impressions: int = 1000
    clicks: int = 100
    dwell_events: int = 800
    dwell_ms: float = 8000.0
    variation: str = "(none)"
    country: str = "DE"

    @property
    def date(self) -> date:
        return DAY_ONE + timedelta(days=self.day)


@dataclass
class Served:
    """One row of `personalization_daily`; `overlap` is null without pairs."""

    day: int
    surface: str = "home"
    requests: int = 1000
    served: int = 10_000
    personalized: int = 6000
    cold: int = 50
    unavailable: int = 100
    overlap: float | None = 0.1
    pairs: int = 5000
    namespace: str = "default"

    @property
    def date(self) -> date:
        return DAY_ONE + timedelta(days=self.day)


def ddl(prefix: str = "") -> list[str]:
    """The statements that make empty marts, in SQL that Postgres takes as well."""
    schemas = [f'create schema "{prefix}{name}"' for name in ("analytics", "reference")]
    engagement = (_DAILY, _HOURLY, _WEEKLY, _SURFACES, _QUALITY)
    tables = (*engagement, _INTRADAY, _PERSONALIZATION, _OVERLAP, _SOURCES)
    made = [statement.format(schema=prefix) for statement in tables]
    return [*schemas, *made, *trials_ddl(prefix)]


@contextmanager
def transaction(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file open for statements that are written together.

    It is attached to a database that stays: to start one takes six times as long.
    """
    with closing(WRITER.cursor()) as cursor:
        cursor.execute(f"attach '{path}' as marts")
        cursor.execute("use marts").begin()
        try:
            yield cursor
            cursor.commit()
        except BaseException:
            cursor.rollback()
            raise
        finally:
            cursor.execute("use memory; detach marts")


class Marts:
    """A file with empty marts, filled by a test."""

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.path = path
        self.prefix = prefix
        if prefix in EMPTY:
            path.write_bytes(EMPTY[prefix])
            return
        with transaction(path) as connection:
            for statement in ddl(prefix):
                connection.execute(statement)
        self.surfaces([(name, True, 0.04, 5000.0) for name in SURFACES])
        EMPTY[prefix] = path.read_bytes()

    def execute(self, statement: str, rows: Iterable[Sequence[object]] | None = None) -> None:
        with transaction(self.path) as connection:
            if rows is None:
                connection.execute(statement)
            else:
                listed = list(rows)
                if listed:
                    connection.executemany(statement, listed)

    def surfaces(self, rows: Iterable[tuple[str, bool, float | None, float | None]]) -> None:
        name = f"{self.prefix}reference.surfaces"
        self.execute(f"delete from {name}")
        self.execute(f"insert into {name} values (?, ?, ?, ?, 'o', 'c')", rows)

    def daily(self, *cells: Cell) -> None:
        self.execute(
            f"insert into {self.prefix}analytics.engagement_daily values "
            "(?, ?, 'exp', ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, ?)",
            [
                (
                    cell.date,
                    cell.surface,
                    cell.variation,
                    cell.country,
                    cell.impressions,
                    cell.clicks,
                    cell.clicks / cell.impressions if cell.impressions else None,
                    cell.dwell_events,
                    cell.dwell_events * cell.dwell_ms,
                    cell.dwell_ms if cell.dwell_events else None,
                    LOADED,
                )
                for cell in cells
            ],
        )

    def hourly(self, *rows: tuple[datetime, str, int, int]) -> None:
        self.execute(
            "insert into analytics.engagement_hourly values "
            "(?, ?, '(none)', '(none)', ?, ?, null, 0, 0, null, ?)",
            [(*row, LOADED) for row in rows],
        )

    def weekly(self, *rows: tuple[int, str, int, int, bool]) -> None:
        """Week number, surface, impressions, clicks, is_complete."""
        self.execute(
            "insert into analytics.ctr_weekly values (?, ?, ?, ?, null, null, null, null, ?, ?)",
            [
                (DAY_ONE + timedelta(weeks=week), surface, impressions, clicks, done, LOADED)
                for week, surface, impressions, clicks, done in rows
            ],
        )

    def served(self, *rows: Served) -> None:
        self.execute(
            "insert into analytics.personalization_daily by name select ? as day, ? as namespace, "
            "? as surface, ? as requests, ? as served_items, ? as personalized_items, "
            "? as reason_items, ? as cold_start_requests, ? as unavailable_items, "
            "? as catalog_overlap_pct, ? as overlap_stderr, ? as overlap_pairs",
            [
                (
                    row.date,
                    row.namespace,
                    row.surface,
                    row.requests,
                    row.served,
                    row.personalized,
                    row.served,
                    row.cold,
                    row.unavailable,
                    row.overlap,
                    None if row.overlap is None else 0.002,
                    row.pairs,
                )
                for row in rows
            ],
        )

    def intraday(self, *rows: tuple[datetime, int, int, int], surface: str = "home") -> None:
        """Start, served items, personalized items, items with a reason."""
        self.execute(
            "insert into analytics.personalization_intraday values "
            "(?, ?, 'default', ?, 1, ?, ?, null, ?, null, null)",
            [(start, start.date(), surface, *counts) for start, *counts in rows],
        )

    def sources(self, *rows: tuple[int, int, int, int, int], source: str = "collaborative") -> None:
        """Day, requests, zero requests, longest and trailing streak."""
        self.execute(
            "insert into analytics.candidate_sources_daily values "
            "(?, 'default', 'home', ?, ?, ?, null, 0, null, ?, ?, null)",
            [(DAY_ONE + timedelta(days=day), source, *counts) for day, *counts in rows],
        )

    def quality(self, *rows: tuple[int, str, str, int, datetime]) -> None:
        """Day of the load, raw table, what became of its rows, how many, the newest load."""
        self.execute(
            f"insert into {self.prefix}analytics.data_quality_daily values (?, ?, ?, ?, ?)",
            [(DAY_ONE + timedelta(days=day), *rest) for day, *rest in rows],
        )

    def open(self) -> Warehouse:
        connection = duckdb.connect(str(self.path), read_only=True)
        connection.execute("set TimeZone = 'UTC'")
        return DuckDB(connection, str(self.path))


def healthy(days: int, surfaces: Sequence[str] = SURFACES) -> list[Cell]:
    """Days on which everything is fine, the last of them begun but not over."""
    return [Cell(day, surface) for day in range(days) for surface in surfaces]


def project(directory: Path, database: Path, variables: str = "") -> None:
    """The files by which `recwatch` finds the warehouse."""
    (directory / "dbt_project.yml").write_text(
        f"name: recwatch\nprofile: recwatch\nvars: {{{variables}}}\n"
    )
    (directory / "profiles.yml").write_text(
        f"recwatch:\n  target: duckdb\n  outputs:\n    duckdb: {{type: duckdb, path: {database}}}\n"
    )
