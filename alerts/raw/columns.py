"""Whole columns at once: cells to Arrow, the plain forms in bulk, the others one by one.

A cell is None or the text of the value: `str` or, for numbers and documents taken out of JSON,
`bytes`; booleans may be `bool` already. What a cell must look like is decided in `values` and
`documents` only; here the common forms are recognised by patterns that accept nothing else.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from alerts.raw.documents import certified, check_document, well_formed
from alerts.raw.tables import MAX_KEY_BYTES
from alerts.raw.values import (
    INVALID_TEXT,
    Rejection,
    parse_boolean,
    parse_number,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.raw.tables import Column, RawTable

Cell = str | bytes | bool | None
Faults = dict[int, str]

TIMESTAMP = pa.timestamp("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOCUMENTS_AT_ONCE = 256

# Years 1900 to 2099 and no 29 February: the rest, rare, goes one by one.
_PLAIN_TIME = (
    r"^(?:19|20)[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?$"
)
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type in which a column travels to the engine."""
    if column.kind == "numeric":
        return pa.decimal128(column.precision, column.scale)
    kinds = {"timestamp": TIMESTAMP, "boolean": pa.bool_(), "integer": pa.int64()}
    return kinds.get(column.kind, pa.string())


def schema(table: RawTable) -> pa.Schema:
    """The Arrow schema of a raw table's batches."""
    return pa.schema([(column.name, arrow_type(column)) for column in table.columns])


def build(column: Column, cells: list[Cell], *, is_key: bool) -> tuple[pa.Array, Faults]:
    """The column as Arrow and, by row, why a cell could not be typed (it is null then).

    `cells` is used up: odd forms in it are replaced by plain ones.
    """
    if column.kind == "text":
        return _build_text(cells, is_key=is_key)
    if column.kind == "timestamp":
        return _build_plain(cells, _PLAIN_TIME, _time_text, _cast_times)
    if column.kind == "boolean":
        return _build_boolean(cells)
    if column.kind == "numeric":
        target = arrow_type(column)
        digits = column.precision - column.scale
        pattern = rf"^-?(?:0|[1-9][0-9]{{0,{digits - 1}}})(?:\.[0-9]{{1,{column.scale}}})?$"
        return _build_plain(
            cells,
            pattern,
            lambda text: format(parse_number(text, column), "f"),
            lambda array: pc.cast(array, target),
        )
    return _build_documents(cells, "{" if column.kind == "document" else "[")


def _build_text(cells: list[Cell], *, is_key: bool) -> tuple[pa.Array, Faults]:
    array = pa.array(cells, pa.string())
    faults: Faults = {}
    if is_key:
        longest = pc.max(pc.binary_length(array)).as_py() or 0
        if longest > MAX_KEY_BYTES:
            for row, cell in enumerate(cells):
                if isinstance(cell, str) and len(cell.encode()) > MAX_KEY_BYTES:
                    faults[row] = INVALID_TEXT
                    cells[row] = None
            array = pa.array(cells, pa.string())
    return array, faults


def _build_plain(
    cells: list[Cell],
    pattern: str,
    normalise: Callable[[str], str],
    cast: Callable[[pa.Array], pa.Array],
) -> tuple[pa.Array, Faults]:
    """Cast in bulk what matches the pattern; bring the rest into that form one by one."""
    array = pa.array(cells, pa.string())
    plain = pc.fill_null(pc.match_substring_regex(array, pattern), fill_value=True)
    faults: Faults = {}
    odd = pc.indices_nonzero(pc.invert(plain)).to_pylist()
    if odd:
        for row in odd:
            try:
                cells[row] = normalise(_as_text(cells[row]))
            except Rejection as rejection:
                faults[row] = rejection.reason
                cells[row] = None
        array = pa.array(cells, pa.string())
    return cast(array), faults


def _time_text(text: str) -> str:
    moment = _EPOCH + timedelta(microseconds=parse_time(text))
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds") + "Z"


def _cast_times(array: pa.Array) -> pa.Array:
    zoned = pc.match_substring_regex(array, _ZONE)
    if not pc.all(zoned, min_count=0).as_py():
        array = pc.if_else(zoned, array, pc.binary_join_element_wise(array, "Z", ""))
    return pc.cast(array, TIMESTAMP)


def _build_boolean(cells: list[Cell]) -> tuple[pa.Array, Faults]:
    faults: Faults = {}
    with contextlib.suppress(pa.ArrowInvalid):
        return pa.array(cells, pa.bool_()), faults
    for row, cell in enumerate(cells):
        if cell is None or cell is True or cell is False:
            continue
        try:
            cells[row] = parse_boolean(_as_text(cell))
        except Rejection as rejection:
            faults[row] = rejection.reason
            cells[row] = None
    return pa.array(cells, pa.bool_()), faults


def _build_documents(cells: list[Cell], opening: str) -> tuple[pa.Array, Faults]:
    faults: Faults = {}
    rows = [row for row, cell in enumerate(cells) if cell is not None]
    for start in range(0, len(rows), _DOCUMENTS_AT_ONCE):
        group = rows[start : start + _DOCUMENTS_AT_ONCE]
        documents = [_as_bytes(cells[row]) for row in group]
        if all(map(well_formed, documents)) and certified(documents, opening):
            continue
        for row, document in zip(group, documents, strict=True):
            if not certified([document], opening):
                _judge_document(cells, row, opening, faults)
    return pa.array(cells, pa.string()), faults


def _judge_document(cells: list[Cell], row: int, opening: str, faults: Faults) -> None:
    """Judge one document; one that stands for null becomes null."""
    text = _as_text(cells[row])
    try:
        cells[row] = None if text.strip(" \t\n\r") == "null" else check_document(text, opening)
    except Rejection as rejection:
        faults[row] = rejection.reason
        cells[row] = None


def _as_text(cell: Cell) -> str:
    """The cell's text; whatever is no UTF-8 cannot be valid in any typed column."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    if isinstance(cell, bool):
        return json.dumps(cell)
    return cell or ""


def _as_bytes(cell: Cell) -> bytes:
    return cell if isinstance(cell, bytes) else _as_text(cell).encode()
