"""The default demo and its calm twin, written once; what the tests recompute is read from files."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from alerts.simulate import Options, Summary, simulate

IMPRESSION_COLUMNS = {
    "id": "varchar",
    "user_id": "varchar",
    "surface": "varchar",
    "experiment_key": "varchar",
    "variation": "varchar",
    "click_through": "boolean",
    "dwell_time_ms": "double",
    "recommendation_id": "varchar",
    "destination_slug": "varchar",
    "metadata": "json",
    "created_at": "timestamptz",
}

METRICS = {
    *("ctr", "add_to_cart_rate", "revenue_per_user", "rpm", "personalized_share"),
    *("out_of_stock_rate", "avg_dwell_ms", "save_rate", "bounce_rate", "crash_free_sessions"),
    "slow_response_rate",
}
SERVED = """
    create or replace table served as
    select trace_id, surface, user_id, cast(created_at as timestamptz) as created_at,
           cast(cast(created_at as timestamptz) as date) as day,
           time_bucket(interval 5 minutes, cast(created_at as timestamptz)) as bucket,
           json_array_length(payload, '$.items') as items,
           cast(payload ->> '$.extras.personalized_items_count' as int) as personalized,
           cast(payload ->> '$.extras.reason_items_count' as int) as reasons,
           cast(payload ->> '$.extras.cold_start_impression' as boolean) as cold,
           cast(payload ->> '$.candidate_sources.collaborative.count' as int) as collaborative,
           list_count(list_filter(json_extract_string(payload, '$.items[*].available'),
                                  lambda one: one = 'false')) as unavailable,
           json_extract_string(payload, '$.items[*].item_id') as listed,
           cast(payload ->> '$.latency_ms' as double) as latency_ms,
           payload ->> '$.extras.experiment_key' as experiment_key,
           payload ->> '$.extras.experiment_variant' as variation
    from read_json('{directory}/decision_traces/*.jsonl', columns = {{trace_id: 'varchar',
         surface: 'varchar', user_id: 'varchar', created_at: 'varchar', payload: 'json'}})
"""


def lines_of(directory: Path, table: str) -> list[bytes]:
    """All lines of a raw table in the order of arrival, without line ends."""
    parts = sorted((directory / table).glob("*.jsonl"))
    return [line for part in parts for line in part.read_bytes().splitlines()]


def first_line_of(directory: Path, table: str) -> bytes:
    """The first line of a raw table."""
    with min((directory / table).glob("*.jsonl")).open("rb") as part:
        return part.readline()


def sound_impressions(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Make the table `impressions`: of each id its last version, broken rows left out."""
    listed = ", ".join(f"{name}: '{kind}'" for name, kind in IMPRESSION_COLUMNS.items())
    connection.execute("set timezone = 'UTC'")
    connection.execute(
        f"""
        create table impressions as
        select * exclude (filename), cast(created_at as date) as day
        from read_json('{directory}/personalization_metrics/*.jsonl', filename = true,
                       format = 'newline_delimited', ignore_errors = true, columns = {{{listed}}})
        where id not like '%-broken' and trim(id) <> '' and trim(user_id) <> ''
              and created_at is not null
        qualify row_number() over (partition by id order by filename desc) = 1
        """
    )


@dataclass(frozen=True)
class Written:
    """A simulation on disk."""

    summary: Summary
    truth: dict[str, Any]
    connection: duckdb.DuckDBPyConnection

    @property
    def directory(self) -> Path:
        return self.summary.directory

    def incident(self, name: str) -> dict[str, Any]:
        (found,) = [incident for incident in self.truth["incidents"] if incident["id"] == name]
        return found

    def experiment(self, key: str) -> dict[str, Any]:
        (found,) = [one for one in self.truth["experiments"] if one["experiment_key"] == key]
        return found

    def touched(self, surface: str, day: dt.date, metric: str) -> bool:
        """Whether the truth excuses this metric of this surface on this day."""
        return any(
            incident["metric"] == metric
            and incident["surface"] in (None, surface)
            and incident["first_day"] <= day.isoformat() <= incident["last_day"]
            for incident in self.truth["incidents"]
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()


def write(directory: Path, options: Options) -> Iterator[Written]:
    summary = simulate(directory, options)
    truth = json.loads(summary.truth.read_text())
    with duckdb.connect() as connection:
        sound_impressions(connection, directory)
        yield Written(summary, truth, connection)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    yield from write(tmp_path_factory.mktemp("demo"), Options())


@pytest.fixture(scope="package")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    yield from write(tmp_path_factory.mktemp("calm"), Options(scenario="calm"))


@pytest.fixture(scope="package")
def served(demo: Written) -> Written:
    """The demo with the table `served`: a row per response, parsed once for all that ask."""
    demo.connection.execute(SERVED.format(directory=demo.directory))
    return demo


@pytest.fixture(scope="package")
def shop(served: Written) -> Written:
    """The demo with the tables `assigned`, `events` and `served`."""
    folder = served.directory
    served.connection.execute(
        f"""
        create table assigned as
        select * from read_json('{folder}/experiment_assignments/*.jsonl',
            columns = {{experiment_key: 'varchar', user_id: 'varchar', variation: 'varchar',
                        assigned_at: 'timestamptz'}});
        create table events as
        select * from read_json('{folder}/shop_events/*.jsonl',
            columns = {{event_name: 'varchar', surface: 'varchar', user_id: 'varchar',
                        trace_id: 'varchar', variant: 'varchar', revenue: 'double',
                        created_at: 'timestamptz'}})
        """
    )
    return served
