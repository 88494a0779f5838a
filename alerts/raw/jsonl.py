"""JSON lines: one object per line. Decoded straight into typed structs, odd lines one by one."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.errors import ConfigurationError
from alerts.raw.batch import Batch, Faults, RejectedRow, assemble, note
from alerts.raw.documents import Number, parse_json
from alerts.raw.values import (
    INVALID_BOOLEAN,
    INVALID_JSON,
    INVALID_NUMBER,
    INVALID_TEXT,
    INVALID_TIME,
    UNKNOWN_COLUMN,
    Rejection,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alerts.raw.columns import Cell
    from alerts.raw.source import Source
    from alerts.raw.tables import Column, RawTable

BLOCK_BYTES = 8 << 20
_BLANKS = b" \t\r\n"
_NULL = msgspec.Raw(b"null")

_FIELDS: dict[str, tuple[Any, Any]] = {
    "text": (str | None, None),
    "timestamp": (str | None, None),
    "boolean": (bool | None, None),
    "numeric": (msgspec.Raw, _NULL),
    "document": (msgspec.Raw, _NULL),
    "list": (msgspec.Raw, _NULL),
}
_WRONG_KIND = {
    "text": INVALID_TEXT,
    "timestamp": INVALID_TIME,
    "boolean": INVALID_BOOLEAN,
    "numeric": INVALID_NUMBER,
    "document": INVALID_JSON,
    "list": INVALID_JSON,
}
_AS_IT_STANDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class LineReader:
    """Turns lines into batches of one table. `fast=False` sends every line the precise way."""

    def __init__(self, table: RawTable, *, fast: bool = True) -> None:
        fields = [(column.name, *_FIELDS[column.kind]) for column in table.columns]
        self._table = table
        self._fast = fast
        # A `loaded_at` that is no text is rare enough for the precise way, which ignores it.
        self._struct = msgspec.defstruct(
            table.name,
            [*fields, ("loaded_at", str | None, None)],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(self._struct).decode
        self.saw_row = False
        self.saw_object = False

    def batch(self, lines: list[bytes], first_line: int, *, wary: bool) -> Batch:
        """The batch of these lines. `wary`: some may hold U+0000 or be no UTF-8."""
        rows: list[Any] = []
        places: list[int] = []
        rejected: list[RejectedRow] = []
        early: Faults = {}
        decode = self._decode
        for place, line in enumerate(lines):
            if self._fast and not (wary and _odd(line)):
                try:
                    rows.append(decode(line))
                    places.append(place)
                    continue
                except (msgspec.MsgspecError, UnicodeError, RecursionError):
                    pass
            if not line.strip(_BLANKS):
                continue
            self._notice(line)
            try:
                rows.append(self._precise(line, len(rows), early))
                places.append(place)
            except Rejection as rejection:
                content = printable(line.rstrip(b"\r"))
                rejected.append(RejectedRow(first_line + place, rejection.reason, content))
        self.saw_object = self.saw_object or bool(rows)

        def row_source(row: int) -> tuple[int, str]:
            place = places[row]
            return first_line + place, printable(lines[place].rstrip(b"\r"))

        return assemble(self._table, self._cells(rows), rejected, row_source, early)

    def _notice(self, line: bytes) -> None:
        stripped = line.strip(_BLANKS)
        self.saw_row = True
        self.saw_object = self.saw_object or (stripped[:1] == b"{" and stripped[-1:] == b"}")

    def _cells(self, rows: list[Any]) -> dict[str, list[Cell]]:
        cells: dict[str, list[Cell]] = {}
        for column in self._table.columns:
            values = list(map(attrgetter(column.name), rows))
            if column.kind in ("numeric", "document", "list"):
                values = [None if (raw := bytes(value)) == b"null" else raw for value in values]
            cells[column.name] = values
        return cells

    def _precise(self, line: bytes, row: int, early: Faults) -> Any:
        """The struct of one line; a value of the wrong kind becomes null and an early fault."""
        try:
            value, _ = parse_json(line.decode())
        except UnicodeDecodeError:
            raise Rejection(INVALID_JSON) from None
        if not isinstance(value, dict):
            raise Rejection(INVALID_JSON)
        if not value.keys() <= {*self._table.names, "loaded_at"}:
            raise Rejection(UNKNOWN_COLUMN)
        texts = _AS_IT_STANDS.decode(line)
        fields: dict[str, Any] = {}
        for place, column in enumerate(self._table.columns):
            item = value.get(column.name)
            if item is None:
                continue
            if not _right_kind(column, item):
                note(early, row, place, _WRONG_KIND[column.kind])
            elif column.kind in ("numeric", "document", "list"):
                fields[column.name] = texts[column.name]
            else:
                fields[column.name] = item
        return self._struct(**fields)


def read(source: Source, table: RawTable) -> Iterator[Batch]:
    """The batches of a file of JSON lines."""
    reader = LineReader(table)
    line = 1
    for block in _blocks(source):
        lines = block.split(b"\n")
        yield reader.batch(lines, line, wary=_may_be_odd(block))
        line += len(lines)
    if reader.saw_row and not reader.saw_object:
        raise ConfigurationError(
            f"{source.name}: not one line is a JSON object: JSON lines hold one object per line"
        )


def _blocks(source: Source) -> Iterator[bytes]:
    """Whole lines, some 8 MiB of them at a time, without the last newline."""
    carry: list[bytes] = []
    held = 0
    while chunk := source.stream.read(BLOCK_BYTES):
        cut = chunk.rfind(b"\n")
        if cut < 0:
            carry.append(chunk)
            held += len(chunk)
            source.check_record(held)
            continue
        yield b"".join([*carry, chunk[:cut]])
        carry = [chunk[cut + 1 :]]
        held = len(carry[0])
    if held:
        yield b"".join(carry)


def _may_be_odd(block: bytes) -> bool:
    """Whether any line needs `_odd`: what the decoder lets pass but a row must not hold."""
    if b"\\u0000" in block:
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return True
    return False


def _odd(line: bytes) -> bool:
    return _may_be_odd(line)


def _right_kind(column: Column, item: Any) -> bool:
    if column.kind in ("text", "timestamp"):
        return isinstance(item, str) and not isinstance(item, Number)
    if column.kind == "boolean":
        return isinstance(item, bool)
    if column.kind == "numeric":
        return isinstance(item, Number)
    return isinstance(item, dict if column.kind == "document" else list)
