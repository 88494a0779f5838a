"""DuckDB: one file, one writing process."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from alerts.errors import ConfigurationError, WarehouseError
from alerts.raw.tables import REJECTED_ROWS, RawTable, ddl, find_table
from alerts.warehouse.base import Relation
from alerts.warehouse.reading import Reading
from alerts.warehouse.sql import Dialect, first_line
from alerts.warehouse.writing import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.warehouse.profile import Target

_DIALECT = Dialect("?", "duckdb")
_IN_MEMORY = ":memory:"


def connect(target: Target, read_only: bool) -> DuckDB:
    """Open the file that the target's `path` names, relative to the current directory as in dbt."""
    path = str(target.settings.get("path") or _IN_MEMORY)
    if path == _IN_MEMORY:
        raise ConfigurationError(
            f"target {target.name!r} has no `path`: a DuckDB in memory ends with the process"
        )
    if read_only and not Path(path).exists():
        raise WarehouseError(
            f"no such DuckDB file {path}: run `recwatch load` and `dbt build` first"
        )
    try:
        if not read_only:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(path, read_only=read_only)
    except (duckdb.Error, OSError) as error:
        raise WarehouseError(_why_not(path, error)) from None
    try:
        _configure(connection, target)
    except duckdb.Error as error:
        connection.close()
        raise ConfigurationError(f"target {target.name!r}: {first_line(error)}") from None
    return DuckDB(connection, path)


class DuckDB(Reading):
    """A `Warehouse` on a DuckDB file."""

    dialect = _DIALECT
    errors = (duckdb.Error,)

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        self._connection = connection
        self._path = path

    def columns(self, relation: Relation) -> dict[str, str]:
        """Column names and types in order; empty where the relation does not exist."""
        query = (
            "select column_name, data_type from duckdb_columns()"
            " where database_name = current_database() and schema_name = ? and table_name = ?"
            " order by column_index"
        )
        try:
            rows = self._connection.execute(query, [relation.schema, relation.name]).fetchall()
        except duckdb.Error as error:
            raise WarehouseError(f"{self._path}: {first_line(error)}") from None
        return dict(rows)

    def create_raw_tables(self, raw_schema: str) -> None:
        """Create the raw schema and tables where they are missing."""
        try:
            with self._transaction():
                for statement in ddl(raw_schema, "duckdb"):
                    self._connection.execute(statement)
        except duckdb.Error as error:
            raise WarehouseError(
                f"{self._path}: cannot create the raw tables: {first_line(error)}"
            ) from None

    @contextmanager
    def loading(self, raw_schema: str, table: str) -> Iterator[DuckDBWriter]:
        """A transaction into one raw table and `rejected_rows`, straight into both.

        `now()` is the transaction's start, so the column's default gives every row of the file
        the same `loaded_at`. Nobody can read the file meanwhile: it has one writing process.
        """
        try:
            with self._transaction():
                yield DuckDBWriter(self._connection, raw_schema, find_table(table))
        except duckdb.Error as error:
            raise WarehouseError(
                f"{self._path}: cannot load into {raw_schema}.{table}: {first_line(error)}"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _fetch(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._connection.execute(text, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            _quietly_roll_back(self._connection)
            raise


class DuckDBWriter:
    """A `RawWriter` inside an open transaction."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, raw_schema: str, table: RawTable
    ) -> None:
        self._connection = connection
        self._raw_schema = raw_schema
        self._table = table
        self._json = {c.name for c in table.columns if c.kind in ("document", "list")}

    def accept(self, batch: pa.RecordBatch) -> None:
        """Insert typed rows; the reader has checked the JSON, so DuckDB need not parse it."""
        arrays = [
            pa.ExtensionArray.from_storage(pa.json_(pa.string()), array)
            if name in self._json
            else array
            for name, array in zip(batch.schema.names, batch.columns, strict=True)
        ]
        self._insert(self._table.name, pa.Table.from_arrays(arrays, names=batch.schema.names))

    def reject(self, rows: Iterator[tuple[str, int, str, str]]) -> None:
        """Insert rejected rows."""
        self._insert(REJECTED_ROWS.name, rejected_rows(self._table, rows))

    def _insert(self, table: str, rows: pa.Table) -> None:
        listed = _DIALECT.quoted(rows.schema.names)
        relation = _DIALECT.qualified(Relation(self._raw_schema, table))
        # DuckDB finds the variable by its name. Registered, the batch would be held until the
        # transaction ends, and with it the whole file.
        recwatch_batch = rows  # noqa: F841
        self._connection.execute(
            f"insert into {relation} ({listed}) select {listed} from recwatch_batch"  # noqa: S608
        )


def _configure(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """The profile's own settings, then UTC, which everything here relies on, and silence."""
    settings = dict(target.settings.get("settings") or {})
    if target.settings.get("threads"):
        settings.setdefault("threads", target.settings["threads"])
    for name, value in settings.items():
        connection.execute(f"set {_DIALECT.quote(str(name))} = ?", [value])
    connection.execute("set TimeZone = 'UTC'")
    # After two seconds of a query DuckDB would draw a bar on stdout, terminal or not: into JSON.
    connection.execute("set enable_progress_bar = false")


def _why_not(path: str, error: Exception) -> str:
    text = str(error)
    if "lock" in text:
        holder = re.search(r"PID (\d+)", text)
        who = f"process {holder[1]}" if holder else "another process"
        return f"DuckDB file {path} is being written by {who}: wait until it ends"
    if "different configuration" in text:
        return f"DuckDB file {path} is open in this process already: close it first"
    if "not a valid DuckDB" in text:
        return f"{path} is not a DuckDB file: name another `path` in the profile"
    return f"DuckDB file {path} cannot be opened: {first_line(error)}"


def _quietly_roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Roll back; a transaction that the engine has ended itself needs no more."""
    try:
        connection.execute("rollback")
    except duckdb.Error:
        return
