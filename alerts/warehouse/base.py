"""What the program needs of a warehouse, whatever its engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from zoneinfo import ZoneInfo

    import pyarrow as pa


@dataclass(frozen=True)
class Relation:
    """A table or view by schema and name, as dbt builds it (the schema prefix included)."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str, prefix: str = "") -> Relation:
        """`analytics.engagement_daily` as a relation, the prefix put before the schema."""
        schema, _, name = text.partition(".")
        return cls(prefix + schema, name)

    def __str__(self) -> str:
        """The dotted name that messages use."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class RowCounts:
    """A question: how many rows of a relation there are by the local day of an instant.

    Attributes:
        relation: Whose rows.
        instant: The column.
        zone: Of the days.
        group_by: Further columns to count apart.
        through: The last instant that counts; all count without it.
    """

    relation: Relation
    instant: str
    zone: ZoneInfo
    group_by: tuple[str, ...] = ()
    through: datetime | None = None


class Warehouse(Protocol):
    """One open connection. Values are bound, identifiers quoted by the implementation.

    Every method raises `WarehouseError` where the engine refuses, with a message that names the
    relation or the connection and says what to do.
    """

    def columns(self, relation: Relation) -> dict[str, str]:
        """Column names and engine types in order; empty where the relation does not exist."""
        ...

    def select(
        self,
        relation: Relation,
        columns: Sequence[str],
        where: Mapping[str, tuple[str, Any]] | None = None,
        order_by: Sequence[str] = (),
        *,
        exact: bool = False,
    ) -> list[tuple[Any, ...]]:
        """The named columns of all rows that meet every condition.

        `where` maps a column to (operator, value) with an operator out of =, <, <=, >, >=.
        Timestamps come back as aware UTC datetimes, dates as dates, numerics as floats or, where
        they are to be `exact`, as decimals.
        """
        ...

    def aggregate(
        self,
        relation: Relation,
        group_by: Sequence[str],
        measures: Sequence[tuple[str, str]],
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> list[tuple[Any, ...]]:
        """One row per group: the group's columns, then its measures, in the order given.

        A measure is (function, column) with a function out of sum, min, max. `where` lists
        (column, operator, value), all of which hold, so that a column may have two bounds. Without
        `group_by` there is exactly one row, of nulls where the relation is empty. The order of the
        rows is the engine's; values come back as from `select`.
        """
        ...

    def snapshot(self, relations: Sequence[Relation]) -> AbstractContextManager[None]:
        """While it lasts, everything read is of one state of these relations, where possible.

        A rebuild of one of them is then either before or after. One that does not exist is left
        out: reading it is an error as ever.
        """
        ...

    def counts(self, wanted: RowCounts) -> list[tuple[Any, ...]]:
        """One row per local day and group: the day, the group's columns, how many rows."""
        ...

    def create_raw_tables(self, raw_schema: str) -> None:
        """Create the raw schema and all raw tables where they are missing."""
        ...

    def loading(self, raw_schema: str, table: str) -> AbstractContextManager[RawWriter]:
        """A transaction into one raw table and `rejected_rows`: committed whole, or not at all."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class RawWriter(Protocol):
    """Where the loader puts typed batches; nothing is visible before the transaction ends."""

    def accept(self, batch: pa.RecordBatch) -> None:
        """Rows of the raw table, columns named as in the table, without `loaded_at`."""
        ...

    def reject(self, rows: Iterator[tuple[str, int, str, str]]) -> None:
        """Rows for `rejected_rows`: file, line (1-based), reason, content."""
        ...
