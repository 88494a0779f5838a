"""What every format hands to the loader: typed rows, and rows that could not be typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from alerts.raw.columns import build, schema
from alerts.raw.values import INVALID_JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerts.raw.columns import Cell
    from alerts.raw.tables import RawTable

# The fault that counts so far: row -> (rank, reason), the lowest rank counting.
Faults = dict[int, tuple[int, str]]


class RejectedRow(NamedTuple):
    """A row that cannot be typed: its 1-based line, why, and what stood there."""

    line: int
    reason: str
    content: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in order within each of the two."""

    rows: pa.RecordBatch
    rejected: list[RejectedRow]


def note(faults: Faults, row: int, place: int, reason: str) -> None:
    """Record a fault in the column at that place, if it counts before those recorded.

    Broken JSON counts first, whether it is the row's or a document's in it; then the order of the
    columns does.
    """
    rank = -1 if reason == INVALID_JSON else place
    if row not in faults or rank < faults[row][0]:
        faults[row] = (rank, reason)


def assemble(
    table: RawTable,
    cells: Mapping[str, list[Cell] | pa.Array],
    rejected: list[RejectedRow],
    row_source: Callable[[int], tuple[int, str]],
    early: Faults | None = None,
) -> Batch:
    """Type all columns and part good rows from bad.

    `row_source` gives line and content of a row; a column that is Arrow already is taken as it
    is. `rejected` are the rows that never came to have cells, `early` faults of those that did.
    """
    first = dict(early or {})
    arrays = []
    for place, column in enumerate(table.columns):
        values = cells[column.name]
        if isinstance(values, pa.Array):
            arrays.append(values)
            continue
        array, faults = build(column, values, is_key=column.name in table.key)
        arrays.append(array)
        for row, reason in faults.items():
            note(first, row, place, reason)
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema(table))
    if first:
        keep = np.ones(batch.num_rows, dtype=bool)
        keep[list(first)] = False
        batch = batch.filter(pa.array(keep))
        for row, (_, reason) in first.items():
            line, content = row_source(row)
            rejected.append(RejectedRow(line, reason, content))
        rejected.sort()
    return Batch(batch, rejected)
