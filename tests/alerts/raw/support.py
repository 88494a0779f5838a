"""What several tests of the reader and the loader need."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2

from alerts.raw.reader import read_batches
from alerts.raw.source import Source
from alerts.raw.tables import find_table
from tests import spark

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.raw.batch import RejectedRow
    from alerts.warehouse import Target

IMPRESSION: dict[str, Any] = {
    "id": "i1",
    "user_id": "u1",
    "surface": "home",
    "experiment_key": None,
    "variation": None,
    "click_through": True,
    "dwell_time_ms": 12.5,
    "recommendation_id": "r1",
    "destination_slug": "d1",
    "metadata": {"country": "JP"},
    "created_at": "2025-01-05T10:00:00Z",
}


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, packed where its name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def lines(*rows: dict[str, Any] | str) -> str:
    """JSON lines; a str is a line as it stands."""
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def impression(**changes: Any) -> dict[str, Any]:
    """A sound impression with some values changed."""
    return {**IMPRESSION, **changes}


def read(
    path: Path, table: str = "personalization_metrics"
) -> tuple[list[dict[str, Any]], list[RejectedRow]]:
    """All rows and all rejected rows of a file."""
    rows: list[dict[str, Any]] = []
    rejected: list[RejectedRow] = []
    with Source(path) as source:
        for batch in read_batches(source, find_table(table)):
            rows += batch.rows.to_pylist()
            rejected += batch.rejected
    return rows, rejected


def query(target: Target, statement: str) -> list[tuple[Any, ...]]:
    """A statement run beside the code under test, on a connection of its own.

    On Spark in the one session that there is.
    """
    if target.type == "spark":
        return spark.query(statement)
    if target.type == "duckdb":
        with duckdb.connect(target.settings["path"]) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(statement).fetchall()
    names = ("host", "port", "user", "password", "dbname")
    settings = {name: target.settings[name] for name in names}
    with closing(psycopg2.connect(**settings)) as connection, connection.cursor() as cursor:
        cursor.execute("set TimeZone = 'UTC'")
        cursor.execute(statement)
        return cursor.fetchall()
