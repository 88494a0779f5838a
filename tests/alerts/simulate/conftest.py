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
