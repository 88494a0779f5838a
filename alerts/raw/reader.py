"""The strict reader: one strictness for every format and every engine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.raw.batch import Batch
    from alerts.raw.source import Source
    from alerts.raw.tables import RawTable

_MODULES = {
    "jsonl": "alerts.raw.jsonl",
    "csv": "alerts.raw.csv_file",
    "parquet": "alerts.raw.parquet_file",
}


def read_batches(source: Source, table: RawTable) -> Iterator[Batch]:
    """The file's rows, typed, and those that cannot be; each row in exactly one of the two."""
    batches: Iterator[Batch] = importlib.import_module(_MODULES[source.format]).read(source, table)
    return batches
