"""Loading on Spark: Parquet files that no query sees until one row names the load.

The driver writes them itself, through Hadoop's file system, wherever the warehouse directory may
be. As a job of Spark's the same rows would travel inside its tasks, and take ten times as long.
"""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from alerts.errors import WarehouseError
from alerts.raw.columns import TIMESTAMP, schema
from alerts.raw.tables import LOADS, REJECTED_ROWS, loaded_table
from alerts.warehouse.base import Relation
from alerts.warehouse.spark_session import SPARK_ERRORS
from alerts.warehouse.sql import Dialect
from alerts.warehouse.writing import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from alerts.raw.tables import RawTable

DIALECT = Dialect("?", "spark")
# Small batches become one piece of a file, for a Parquet file in many pieces is slow to read.
GATHERED_BYTES = 32 << 20
_SENT_BYTES = 1 << 20
_LOADS = pa.schema([("load_id", pa.string()), ("loaded_at", TIMESTAMP)])


class SparkWriter:
    """A `RawWriter` of one load."""

    def __init__(self, session: SparkSession, raw_schema: str, table: RawTable) -> None:
        self._table = table
        self._load_id = uuid.uuid4().hex
        self._rows, self._rejected = (
            _Part(session, raw_schema, which, self._load_id) for which in (table, REJECTED_ROWS)
        )
        self._loads = _Loads(session, raw_schema, self._load_id)

    def accept(self, batch: pa.RecordBatch) -> None:
        """Write typed rows."""
        self._rows.add(pa.Table.from_batches([batch]))

    def reject(self, rows: Iterator[tuple[str, int, str, str]]) -> None:
        """Write rejected rows."""
        self._rejected.add(rejected_rows(self._table, rows))

    def commit(self) -> None:
        """Make both tables' rows ready, then show them."""
        ready = [part.publish() for part in (self._rows, self._rejected)]
        if any(ready):
            self._loads.publish()

    def discard(self) -> None:
        """Remove what was written, first what shows it; what cannot be removed is not seen."""
        for part in (self._loads, self._rows, self._rejected):
            with contextlib.suppress(*SPARK_ERRORS):
                part.remove()


class _Part:
    """A load's rows of one table: gathered, written to one file, made a partition."""

    def __init__(
        self, session: SparkSession, raw_schema: str, table: RawTable, load_id: str
    ) -> None:
        self._session = session
        self._relation = DIALECT.qualified(Relation(raw_schema, loaded_table(table.name)))
        self._partition = f"partition (load_id = '{load_id}')"
        self._folder = f"load_id={load_id}"
        self._schema = schema(table)
        self._gathered: list[pa.Table] = []
        self._file: _File | None = None

    def add(self, rows: pa.Table) -> None:
        self._gathered.append(rows)
        if sum(table.nbytes for table in self._gathered) >= GATHERED_BYTES:
            self._write()

    def publish(self) -> bool:
        """Whether there are any rows."""
        self._write()
        if self._file is None:
            return False
        self._file.publish()
        self._session.sql(f"alter table {self._relation} add {self._partition}")
        return True

    def remove(self) -> None:
        if self._file is not None:
            self._file.remove()
            self._session.sql(f"alter table {self._relation} drop if exists {self._partition}")

    def _write(self) -> None:
        if not self._gathered:
            return
        if self._file is None:
            directory = f"{_location(self._session, self._relation)}/{self._folder}"
            self._file = _File(self._session, directory, "rows", self._schema)
        self._file.write(pa.concat_tables(self._gathered))
        self._gathered.clear()


class _Loads:
    """The row that names the load: a file of its own, which one renaming puts in its place."""

    def __init__(self, session: SparkSession, raw_schema: str, load_id: str) -> None:
        self._session = session
        self._relation = DIALECT.qualified(Relation(raw_schema, LOADS))
        self._load_id = load_id
        self._file: _File | None = None

    def publish(self) -> None:
        directory = _location(self._session, self._relation)
        self._file = _File(self._session, directory, self._load_id, _LOADS)
        # The moment at which others see it, for a nightly run looks back from there.
        moment = datetime.now(UTC)
        self._file.write(pa.table([[self._load_id], [moment]], schema=_LOADS))
        self._file.publish()
        # This session knows by heart which files the table had.
        self._session.catalog.refreshTable(self._relation)

    def remove(self) -> None:
        if self._file is not None:
            self._file.remove()


class _File:
    """A Parquet file under a name that Spark passes over, until it is whole."""

    def __init__(
        self, session: SparkSession, directory: str, name: str, arrow_schema: pa.Schema
    ) -> None:
        # PySpark has no other way to Hadoop's file system, with the session's settings and rights.
        java: Any = session._jvm
        self._hidden = java.org.apache.hadoop.fs.Path(f"{directory}/_{name}.parquet")
        self._path = java.org.apache.hadoop.fs.Path(f"{directory}/{name}.parquet")
        self._system = self._hidden.getFileSystem(session._jsc.hadoopConfiguration())
        self._stream = _Stream(self._system.create(self._hidden))
        # Without Arrow's own copy of the schema, which only Arrow would read.
        self._writer = pq.ParquetWriter(self._stream, arrow_schema, store_schema=False)

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)

    def publish(self) -> None:
        self._writer.close()
        self._stream.close()
        if not self._system.rename(self._hidden, self._path):
            raise WarehouseError(f"{self._path.toString()} cannot be written")

    def remove(self) -> None:
        self._stream.forget()
        with contextlib.suppress(pa.ArrowException, OSError):  # it may have failed before
            self._writer.close()
        for path in (self._hidden, self._path):
            self._system.delete(path, False)


class _Stream:
    """An output stream of Java's as Arrow writes to one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._unsent = bytearray()
        self._sent = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._unsent += data
        if len(self._unsent) >= _SENT_BYTES:
            self._send()
        return len(data)

    def tell(self) -> int:
        return self._sent + len(self._unsent)

    def flush(self) -> None:
        """Arrow asks for it; what is unsent goes when there is more of it, or at the end."""

    def close(self) -> None:
        if not self.closed:
            self._send()
            self._stream.close()
            self.closed = True

    def forget(self) -> None:
        """Close it without its end: what comes yet goes nowhere."""
        if not self.closed:
            stream, self._stream = self._stream, None
            self.closed = True
            with contextlib.suppress(*SPARK_ERRORS):
                stream.close()

    def _send(self) -> None:
        if self._stream is not None:
            self._stream.write(bytes(self._unsent))
        self._sent += len(self._unsent)
        self._unsent.clear()


def _location(session: SparkSession, relation: str) -> str:
    """The directory of a table's files."""
    described = session.sql(f"describe table extended {relation}").collect()
    # A column might be named so too; it would come before.
    return str([row.data_type for row in described if row.col_name == "Location"][-1])
