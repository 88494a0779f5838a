"""What the engines' writers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from alerts.raw.columns import schema
from alerts.raw.tables import REJECTED_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.raw.tables import RawTable


def rejected_rows(table: RawTable, rows: Iterable[tuple[str, int, str, str]]) -> pa.Table:
    """Rows as `RawWriter.reject` gets them, as the table `rejected_rows` has them."""
    whole = ((table.name, *row) for row in rows)
    columns = list(zip(*whole, strict=True)) or [()] * len(REJECTED_ROWS.columns)
    return pa.table(columns, schema=schema(REJECTED_ROWS))
