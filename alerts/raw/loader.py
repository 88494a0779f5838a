"""Files into raw tables: each file whole, good and rejected rows together, or not at all."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.raw.reader import read_batches
from alerts.raw.source import Source
from alerts.raw.tables import find_table
from alerts.raw.values import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from alerts.warehouse.base import Warehouse


@dataclass(frozen=True)
class LoadResult:
    """What became of one file."""

    file: str
    table: str
    rows: int
    rejected: dict[str, int]
    seconds: float

    @property
    def rejected_total(self) -> int:
        """How many rows went to `rejected_rows`."""
        return sum(self.rejected.values())

    def as_json(self) -> dict[str, Any]:
        """The result as `--json` prints it."""
        return {
            "file": self.file,
            "table": self.table,
            "rows": self.rows,
            "rejected": self.rejected_total,
            "rejected_by_reason": self.rejected,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        """One line for people."""
        text = f"{self.file}: {self.rows:,} rows loaded"
        if self.rejected:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.rejected.items())
            text += f", {self.rejected_total:,} rejected ({reasons})"
        return f"{text} in {self.seconds:.1f} s"


def load_file(
    warehouse: Warehouse,
    raw_schema: str,
    table: str,
    path: str | Path,
    advance: Callable[[int], None] | None = None,
) -> LoadResult:
    """Load one file; `advance` is told how many more of its bytes on disk have been read.

    The raw tables must exist (`Warehouse.create_raw_tables`).
    """
    started = time.monotonic()
    raw_table = find_table(table)
    rows = 0
    reasons: Counter[str] = Counter()
    with Source(path) as source, warehouse.loading(raw_schema, table) as writer:
        file = printable(source.name.encode("utf-8", "surrogateescape"))
        told = 0
        for batch in read_batches(source, raw_table):
            if batch.rows.num_rows:
                writer.accept(batch.rows)
                rows += batch.rows.num_rows
            if batch.rejected:
                writer.reject((file, *rejected) for rejected in batch.rejected)
                reasons.update(rejected.reason for rejected in batch.rejected)
            if advance is not None:
                position = source.position
                advance(position - told)
                told = position
    by_frequency = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return LoadResult(file, table, rows, by_frequency, time.monotonic() - started)
