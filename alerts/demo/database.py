"""The demo's database: fresh each time, and never somebody's data deleted.

A marker in the file says that a demo made it, and up to which `loaded_at` the raw rows are the
demo's. Without the marker, or with newer rows, the file is left alone.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb

from alerts.errors import ConfigurationError, WarehouseError
from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS
from alerts.warehouse import Relation, open_warehouse
from alerts.warehouse.sql import first_line

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.demo.place import Place
    from alerts.warehouse import Warehouse

MARKER = Relation("recwatch_demo", "marker")


def make_room(place: Place) -> None:
    """An empty, marked database in place of an earlier demo's.

    Raises:
        ConfigurationError: The file holds what no demo loaded.
    """
    file = place.database
    if file.exists():
        with closing(open_warehouse(place.target)) as warehouse:
            foreign = _foreign(warehouse, place.project.raw_schema)
        if foreign:
            raise ConfigurationError(
                f"{file} {foreign}: the demo would delete it. Move it away, or name another file "
                "in RECWATCH_DUCKDB_PATH"
            )
    try:
        for part in (file, file.with_name(f"{file.name}.wal")):
            part.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be replaced: {error.strerror or error}") from None
    _mark(file, None)


def sign(place: Place) -> None:
    """Note in the marker up to when rows are the demo's, once they are all loaded."""
    with closing(open_warehouse(place.target)) as warehouse:
        newest = _newest(warehouse, place.project.raw_schema)
    _mark(place.database, newest)


def _foreign(warehouse: Warehouse, raw_schema: str) -> str:
    """What speaks against deleting the file; empty where an earlier demo made all of it."""
    if not warehouse.columns(MARKER):
        return "was not made by the demo"
    signed = [row[0] for row in warehouse.select(MARKER, ["loaded_through"])]
    newest = _newest(warehouse, raw_schema)
    # An unsigned marker is that of a demo which did not get to its end.
    if signed and signed[0] is not None and newest is not None and newest > signed[0]:
        return "holds rows loaded after the demo"
    return ""


def _newest(warehouse: Warehouse, raw_schema: str) -> Any:
    """The newest `loaded_at` of all raw tables; None without rows."""
    relations = [Relation(raw_schema, table.name) for table in (*RAW_TABLES, REJECTED_ROWS)]
    moments = [
        warehouse.aggregate(relation, [], [("max", "loaded_at")])[0][0]
        for relation in relations
        if warehouse.columns(relation)
    ]
    return max((moment for moment in moments if moment is not None), default=None)


def _mark(file: Path, loaded_through: Any) -> None:
    try:
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"create schema if not exists {MARKER.schema}")
            connection.execute(
                f"create or replace table {MARKER} as select ?::timestamptz as loaded_through",
                [loaded_through],
            )
    except duckdb.Error as error:
        raise WarehouseError(f"{file} cannot be written: {first_line(error)}") from None
