"""Parquet: native types as they are, text columns read as strictly as any other text."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alerts.errors import ConfigurationError
from alerts.raw.batch import Batch, Faults, RejectedRow, assemble, note
from alerts.raw.columns import TIMESTAMP
from alerts.raw.csv_file import check_columns
from alerts.raw.values import INVALID_JSON, INVALID_NUMBER, INVALID_TEXT, INVALID_TIME, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.raw.columns import Cell
    from alerts.raw.source import Source
    from alerts.raw.tables import Column, RawTable

BATCH_ROWS = 20_000
_FIRST = -62_135_596_800_000_000  # 0001-01-01 in microseconds since 1970
_AFTER_LAST = 253_402_300_800_000_000  # 10000-01-01


def read(source: Source, table: RawTable) -> Iterator[Batch]:
    """The batches of a Parquet file."""
    try:
        file = pq.ParquetFile(source.stream)
        check_columns(source.name, table, file.schema_arrow.names)
        for column in table.columns:
            _check_type(source.name, column, file.schema_arrow.field(column.name).type)
        row = 1
        for batch in file.iter_batches(BATCH_ROWS, columns=list(table.names)):
            yield _batch(table, batch, row)
            row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"{source.name}: broken Parquet file: {message}") from None


def _check_type(file: str, column: Column, found: pa.DataType) -> None:
    """Refuse a column none of whose values could be typed."""
    types = pa.types
    fits = {
        "text": False,
        "timestamp": types.is_timestamp(found),
        "boolean": types.is_boolean(found),
        "numeric": types.is_integer(found) or types.is_floating(found) or types.is_decimal(found),
        "document": types.is_struct(found) or types.is_map(found),
        "list": types.is_list(found) or types.is_large_list(found),
    }
    if not (fits[column.kind] or types.is_null(found) or _is_text(found)):
        raise ConfigurationError(
            f"{file}: column {column.name} is {found}: {column.kind} or text is wanted"
        )


def _is_text(found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        return _is_text(found.value_type)
    return bool(
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_string_view(found)
    )


def _batch(table: RawTable, batch: pa.RecordBatch, first_row: int) -> Batch:
    early: Faults = {}
    cells: dict[str, list[Cell] | pa.Array] = {}
    for place, column in enumerate(table.columns):
        array = batch.column(column.name)
        faults: dict[int, str] = {}
        cells[column.name] = _column(column, array, faults)
        for row, reason in faults.items():
            note(early, row, place, reason)
    rejected: list[RejectedRow] = []

    def row_source(row: int) -> tuple[int, str]:
        return first_row + row, _content(table, batch, row)

    return assemble(table, cells, rejected, row_source, early)


def _column(column: Column, array: pa.Array, faults: dict[int, str]) -> list[Cell] | pa.Array:
    """Cells or, where the type is native already, Arrow; a fault leaves a null."""
    found = array.type
    if _is_text(found):
        return _texts(array.cast(pa.string()), faults)
    if pa.types.is_null(found):
        return [None] * len(array)
    if column.kind == "timestamp":
        return _times(array, faults)
    if column.kind == "boolean":
        return array
    if column.kind == "numeric":
        return [_number_text(value, row, faults) for row, value in enumerate(array.to_pylist())]
    return [
        _document_text(value, found, row, faults) for row, value in enumerate(array.to_pylist())
    ]


def _texts(array: pa.Array, faults: dict[int, str]) -> list[Cell]:
    """Texts; Parquet does not promise that they are UTF-8."""
    cells: list[Cell] = []
    for row, raw in enumerate(array.cast(pa.binary()).to_pylist()):
        try:
            cells.append(None if raw is None else raw.decode())
        except UnicodeDecodeError:
            cells.append(None)
        else:
            if raw is None or b"\x00" not in raw:
                continue
            cells[row] = None
        faults[row] = INVALID_TEXT
    return cells


def _times(array: pa.Array, faults: dict[int, str]) -> pa.Array:
    """Any unit as microseconds; what a nanosecond has too much rounds half up, as in text."""
    units = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
    factor = units[array.type.unit]
    counts = array.cast(pa.int64())
    if factor == 0:
        micros = [None if count is None else (count + 500) // 1_000 for count in counts.to_pylist()]
    elif factor == 1:
        micros = counts.to_pylist() if _any_out_of_range(counts) else counts
    else:
        micros = [None if count is None else count * factor for count in counts.to_pylist()]
    if isinstance(micros, list):
        for row, count in enumerate(micros):
            if count is not None and not _FIRST <= count < _AFTER_LAST:
                faults[row] = INVALID_TIME
                micros[row] = None
        micros = pa.array(micros, pa.int64())
    return micros.cast(TIMESTAMP)


def _any_out_of_range(counts: pa.Array) -> bool:
    if counts.null_count == len(counts):
        return False
    bounds = pc.min_max(counts).as_py()
    return bool(bounds["min"] < _FIRST or bounds["max"] >= _AFTER_LAST)


def _number_text(value: Any, row: int, faults: dict[int, str]) -> str | None:
    """A number as JSON would write it; a float by the shortest text that stands for it."""
    if value is None:
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        faults[row] = INVALID_NUMBER
        return None
    return format(number, "f")


def _document_text(value: Any, kind: pa.DataType, row: int, faults: dict[int, str]) -> str | None:
    """A struct, map or list as JSON."""
    if value is None:
        return None
    try:
        return json.dumps(_plain(value, kind), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        faults[row] = INVALID_JSON
        return None


def _plain(value: Any, kind: pa.DataType) -> Any:
    """A nested Arrow value in JSON's own types; what JSON has no type for is left to refuse."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {name: _plain(item, kind.field(name).type) for name, item in value.items()}
    if pa.types.is_map(kind):
        return {str(key): _plain(item, kind.item_type) for key, item in value}
    if isinstance(value, list):
        return [_plain(item, kind.value_type) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _content(table: RawTable, batch: pa.RecordBatch, row: int) -> str:
    """The row as JSON, whatever is in it."""
    values = {}
    for name in table.names:
        array = batch.column(name).slice(row, 1)
        if _is_text(array.type):
            array = array.cast(pa.string()).cast(pa.binary())
        elif pa.types.is_timestamp(array.type):
            array = array.cast(pa.timestamp(array.type.unit)).cast(pa.string())  # any year
        value = array.to_pylist()[0]
        values[name] = printable(value) if isinstance(value, bytes) else value
    return json.dumps(values, ensure_ascii=False, default=str)
