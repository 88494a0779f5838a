"""A CSV or Parquet file as a table that DuckDB reads in bounded memory, each time from the file."""

from __future__ import annotations

import csv
import difflib
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from alerts.errors import ConfigurationError
from alerts.notify.text import one_line
from alerts.raw.source import MAX_RECORD_BYTES, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# What DuckDB may hold in memory; more goes to a temporary directory.
MEMORY = "1GB"
THREADS = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file.

    Attributes:
        name: As the file has it.
        alias: As queries have it: by its place, so that no name needs quoting or could be
            mistaken for another that differs in case.
        kind: The type as DuckDB names it; VARCHAR throughout in CSV.
    """

    name: str
    alias: str
    kind: str

    @property
    def text(self) -> str:
        """SQL: the value as text; null where missing, which is null or only spaces."""
        return f"case when trim(cast({self.alias} as varchar)) <> '' then {self.alias}::varchar end"


@dataclass(frozen=True)
class Table:
    """The open file.

    Attributes:
        name: Of the file, as the user gave it.
        columns: In the order of the file.
    """

    name: str
    columns: tuple[Column, ...]
    _connection: duckdb.DuckDBPyConnection
    _scan: str
    _path: str
    _row: str

    def column(self, name: str, flag: str) -> Column:
        """The column of that name; of an unknown one the error suggests the nearest."""
        for column in self.columns:
            if column.name == name:
                return column
        names = [column.name for column in self.columns]
        lower = {each.lower(): each for each in names}
        near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
        hint = f"did you mean {lower[near[0]]}?" if near else f"it has {', '.join(names)}"
        raise ConfigurationError(f"{flag}: {self.name} has no column {name!r}: {one_line(hint)}")

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query; `{file}` in it stands for the file."""
        bound = [self._path] * sql.count("{file}")
        try:
            cursor = self._connection.execute(sql.replace("{file}", self._scan), [*bound, *values])
            return cursor.fetchall()
        except duckdb.Error as error:
            raise ConfigurationError(f"{self.name}: {_plainly(error)}") from None

    def first_row(self, condition: str, column: Column) -> tuple[int, str]:
        """The number (from 1) and the value, as text, of the first row with a condition."""
        self.query("set preserve_insertion_order = true")
        [(number, value)] = self.query(
            f"select row, cast({column.alias} as varchar) from (select *, {self._row} as row from"  # noqa: S608 - aliases, no names
            f" {{file}}) where {condition} order by row limit 1"
        )
        self.query("set preserve_insertion_order = false")
        return number, value


@contextmanager
def open_table(path: str | Path, memory: str = MEMORY) -> Iterator[Table]:
    """Open a CSV (also .gz) or Parquet file.

    Raises:
        ConfigurationError: There is no such file, or it is not what its name says, or it is empty.
    """
    with Source(path) as source:
        if source.format == "jsonl":
            raise ConfigurationError(f"{source.name}: analyze takes .csv, .csv.gz or .parquet")
        header = _csv_header(source) if source.format == "csv" else None
    escaped = re.sub(r"([*?\[])", r"[\1]", str(source.path.resolve()))
    with (
        tempfile.TemporaryDirectory(prefix="recwatch-") as directory,
        duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": directory,
                # Each thread has buffers of its own.
                "threads": str(min(os.cpu_count() or 1, THREADS)),
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "TimeZone": "UTC",
            }
        ) as connection,
    ):
        # A bar of DuckDB's own would be written across the output.
        connection.execute("set enable_progress_bar = false")
        if header is None:
            yield _parquet(connection, source.name, escaped)
        else:
            yield _csv(connection, source.name, escaped, header)


def _csv(
    connection: duckdb.DuckDBPyConnection, name: str, path: str, header: Sequence[str]
) -> Table:
    aliases = [f"c{place}" for place in range(len(header))]
    types = ", ".join(f"'{alias}': 'VARCHAR'" for alias in aliases)
    # All as text: which text is a number is decided here, not by what the first rows look like.
    scan = (
        "read_csv(?, auto_detect = false, header = true, delim = ',', quote = '\"',"
        f" escape = '\"', strict_mode = true, columns = {{{types}}})"
    )
    columns = [Column(name, alias, "VARCHAR") for name, alias in zip(header, aliases, strict=True)]
    return Table(name, tuple(columns), connection, scan, path, "row_number() over ()")


def _parquet(connection: duckdb.DuckDBPyConnection, name: str, path: str) -> Table:
    import pyarrow as pa  # noqa: PLC0415 - not for CSV
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        names = pq.read_schema(name).names
    except (pa.ArrowException, OSError) as error:
        message = one_line(str(error).partition("\n")[0])
        raise ConfigurationError(f"{name}: broken Parquet file: {message}") from None
    _check_names(name, names)
    aliases = [f"c{place}" for place in range(len(names))]
    scan = f"read_parquet(?, file_row_number = true) as t({', '.join(aliases)})"
    table = Table(name, (), connection, scan, path, "file_row_number + 1")
    described = table.query("describe select * from {file}")[: len(names)]
    columns = [
        Column(each, alias, str(row[1]))
        for each, alias, row in zip(names, aliases, described, strict=True)
    ]
    return Table(name, tuple(columns), connection, scan, path, "file_row_number + 1")


def _csv_header(source: Source) -> list[str]:
    csv.field_size_limit(MAX_RECORD_BYTES)
    try:
        header = next(csv.reader(source.text(), strict=True), None)
    except csv.Error as error:
        raise ConfigurationError(f"{source.name}: no CSV header: {error}") from None
    if not header or not any(header):
        raise ConfigurationError(f"{source.name}: is empty: its first line must name the columns")
    if len(header) == 1 and (found := re.search(r"[;\t|]", header[0])):
        raise ConfigurationError(
            f"{source.name}: its columns are divided by {found[0]!r}: CSV has commas"
        )
    _check_names(source.name, header)
    return header


def _check_names(file: str, names: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if twice:
        raise ConfigurationError(f"{file}: names twice {one_line(', '.join(twice))}")


def _plainly(error: duckdb.Error) -> str:
    """DuckDB's message in a line: of a CSV error the line's number and what is wrong with it."""
    lines = str(error).splitlines() or [type(error).__name__]
    found = re.search(r"CSV Error on Line: (\d+)", lines[0])
    if found:
        told = [line for line in lines[1:] if line and not line.startswith("Original Line:")]
        return one_line(f"line {found[1]}: {told[0] if told else 'no CSV'}")
    return one_line(lines[0])
