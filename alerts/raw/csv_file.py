"""CSV as RFC 4180 has it, with a header that names exactly the table's columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

from alerts.errors import ConfigurationError
from alerts.raw.batch import Batch, RejectedRow, assemble
from alerts.raw.source import MAX_RECORD_BYTES
from alerts.raw.values import INVALID_CSV, INVALID_TEXT, WRONG_WIDTH, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.raw.columns import Cell
    from alerts.raw.source import Source
    from alerts.raw.tables import RawTable

BATCH_ROWS = 20_000
BATCH_CHARACTERS = 8 << 20
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False}


class Record(NamedTuple):
    """One record: where it starts, as it stands in the file, its fields (None: no CSV)."""

    line: int
    text: str
    fields: list[str] | None


class _Lines:
    """Physical lines for the csv module, keeping those of the record being read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text()
        self._held: list[str] = []
        self._length = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_RECORD_BYTES + 1):
            self._held.append(line)
            self._length += len(line)
            self._source.check_record(self._length)
            yield line

    def take(self) -> str:
        """The text of the record just read."""
        text = "".join(self._held)
        self._held.clear()
        self._length = 0
        return text


def read(source: Source, table: RawTable) -> Iterator[Batch]:
    """The batches of a CSV file."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    records = _records(source)
    header = next(records, None)
    names = header.fields if header is not None else None
    if not names:
        raise ConfigurationError(
            f"{source.name}: no CSV header: its first line must name {', '.join(table.names)}"
        )
    check_columns(source.name, table, names)
    batch: list[Record] = []
    characters = 0
    for record in records:
        batch.append(record)
        characters += len(record.text)
        if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield _batch(table, names, batch)
            batch = []
            characters = 0
    if batch:
        yield _batch(table, names, batch)


def check_columns(file: str, table: RawTable, names: Sequence[str]) -> None:
    """Refuse a header that lacks a column, has one too many or one twice."""
    problems = []
    missing = [name for name in table.names if name not in names]
    unknown = [name for name in dict.fromkeys(names) if name not in {*table.names, "loaded_at"}]
    twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if missing:
        problems.append(f"lacks {', '.join(missing)}")
    if unknown:
        shown = ", ".join(printable(name.encode("utf-8", "surrogateescape")) for name in unknown)
        problems.append(f"has unknown {shown[:200]}")
    if twice:
        problems.append(f"names twice {', '.join(twice)}")
    if problems:
        raise ConfigurationError(f"{file}: not the columns of {table.name}: {'; '.join(problems)}")


def _records(source: Source) -> Iterator[Record]:
    """All records but empty lines."""
    lines = _Lines(source)
    reader = csv.reader(lines, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None
        text = lines.take()
        if fields != []:
            yield Record(line, text, fields)


def _batch(table: RawTable, names: list[str], records: list[Record]) -> Batch:
    good: list[Record] = []
    rows: list[list[str]] = []
    rejected: list[RejectedRow] = []
    wary = _unsound("".join(record.text for record in records))
    for record in records:
        fields = record.fields
        if wary and _unsound(record.text):
            rejected.append(_rejected(record, INVALID_TEXT))
        elif fields is None:
            rejected.append(_rejected(record, INVALID_CSV))
        elif len(fields) != len(names):
            rejected.append(_rejected(record, WRONG_WIDTH))
        else:
            good.append(record)
            rows.append(fields)
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    cells: dict[str, list[Cell]] = {}
    for name, values in zip(names, columns, strict=True):
        cells[name] = [value or None for value in values]
    for column in table.columns:
        if column.kind == "boolean":
            cells[column.name] = [_BOOLEANS.get(v, v) for v in cells[column.name]]  # type: ignore[arg-type]

    def row_source(row: int) -> tuple[int, str]:
        record = good[row]
        return record.line, _content(record)

    return assemble(table, cells, rejected, row_source)


def _unsound(text: str) -> bool:
    """Whether the text holds U+0000 or bytes that are no UTF-8."""
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _rejected(record: Record, reason: str) -> RejectedRow:
    return RejectedRow(record.line, reason, _content(record))


def _content(record: Record) -> str:
    return printable(record.text.rstrip("\r\n").encode("utf-8", "surrogateescape"))
