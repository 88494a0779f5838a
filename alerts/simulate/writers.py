"""Part files: `DIR/<table>/part-0001.jsonl`, numbered in the order of arrival.

Rows stream through a writer in slices, so that the memory needed does not depend on their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.simulate.options import FileFormat

# A time is an integer, milliseconds since 1970 UTC; a json value is an object or a list.
Kind = Literal["text", "bool", "number", "time", "json"]
Columns = dict[str, list[Any]]

# Python objects made at a time: bounds memory, large enough to amortize the calls.
ROWS_PER_SLICE = 20_000

_ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "bool": pa.bool_(),
    "number": pa.float64(),
    "time": pa.timestamp("ms", tz="UTC"),
    "json": pa.string(),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table: its name and the kinds of its columns, in the order of the contract."""

    name: str
    columns: dict[str, Kind]


def iso_times(milliseconds: list[int | None]) -> list[str | None]:
    """ISO 8601 texts in UTC, e.g. `2025-05-05T06:00:00.000Z`."""
    instants = np.array(milliseconds, dtype="datetime64[ms]")
    texts = np.datetime_as_string(instants, unit="ms", timezone="UTC").tolist()
    pairs = zip(milliseconds, texts, strict=True)
    return [None if instant is None else text for instant, text in pairs]


def json_lines(table: Table, columns: Columns) -> list[bytes]:
    """One JSON line per row, each ending in a newline."""
    texts = [
        iso_times(values) if table.columns[name] == "time" else values
        for name, values in columns.items()
    ]
    names = tuple(columns)
    newline = orjson.OPT_APPEND_NEWLINE
    return [
        orjson.dumps(dict(zip(names, row, strict=True)), option=newline)
        for row in zip(*texts, strict=True)
    ]


class Part(Protocol):
    """An open part file."""

    def write(self, columns: Columns) -> None:
        """Append rows."""

    def write_lines(self, lines: list[bytes]) -> None:
        """Append lines as they are."""

    def close(self) -> None:
        """Finish the file."""


class JsonLinesPart:
    """A part file of JSON lines."""

    def __init__(self, path: Path, table: Table) -> None:
        self._table = table
        self._file: IO[bytes] = path.open("wb", buffering=1 << 20)

    def write(self, columns: Columns) -> None:
        """Append rows."""
        self._file.writelines(json_lines(self._table, columns))

    def write_lines(self, lines: list[bytes]) -> None:
        """Append lines as they are, whatever they hold."""
        self._file.writelines(lines)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class ParquetPart:
    """A part file of Parquet; JSON documents are text in it."""

    def __init__(self, path: Path, table: Table) -> None:
        self._table = table
        self._schema = pa.schema([(name, _ARROW[kind]) for name, kind in table.columns.items()])
        self._writer = pq.ParquetWriter(path, self._schema)

    def write(self, columns: Columns) -> None:
        """Append rows."""
        arrays = [self._array(name, values) for name, values in columns.items()]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def _array(self, name: str, values: list[Any]) -> pa.Array:
        kind = self._table.columns[name]
        if kind == "json":
            values = [None if value is None else orjson.dumps(value).decode() for value in values]
        return pa.array(values, type=_ARROW[kind])

    def write_lines(self, lines: list[bytes]) -> None:
        """Refuse lines: a typed file cannot hold what has no type."""
        if lines:
            raise ValueError("a Parquet file holds typed rows only")

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


_PARTS: dict[FileFormat, type[JsonLinesPart | ParquetPart]] = {
    "jsonl": JsonLinesPart,
    "parquet": ParquetPart,
}


class TableWriter:
    """Writes one raw table into numbered part files.

    Attributes:
        rows: Rows or lines written so far.
        paths: The part files written so far.
    """

    def __init__(
        self, directory: Path, table: Table, file_format: FileFormat, rows_per_part: int
    ) -> None:
        self.rows = 0
        self.paths: list[Path] = []
        self._directory = directory / table.name
        self._table = table
        self._format: FileFormat = file_format
        self._rows_per_part = rows_per_part
        self._part: Part | None = None
        self._rows_in_part = 0

    def write(self, columns: Columns) -> None:
        """Append rows; all columns of the table, in its order."""
        self._open().write(columns)
        self._count(len(next(iter(columns.values()))))

    def write_lines(self, lines: list[bytes]) -> None:
        """Append lines as they are; JSON lines only."""
        self._open().write_lines(lines)
        self._count(len(lines))

    def close_part(self) -> None:
        """What comes next begins a new part."""
        if self._part is not None:
            self._part.close()
        self._part = None
        self._rows_in_part = 0

    def adopt(self, other: TableWriter) -> None:
        """Append the parts another writer has written, as parts of their own."""
        self.close_part()
        other.close_part()
        for path in other.paths:
            self.paths.append(path.rename(self._next_path()))
        self.rows += other.rows

    def _open(self) -> Part:
        if self._part is None:
            path = self._next_path()
            self._part = _PARTS[self._format](path, self._table)
            self.paths.append(path)
        return self._part

    def _next_path(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory / f"part-{len(self.paths) + 1:04d}.{self._format}"

    def _count(self, rows: int) -> None:
        self.rows += rows
        self._rows_in_part += rows
        if self._rows_in_part >= self._rows_per_part:
            self.close_part()
