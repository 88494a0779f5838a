"""`select` and `aggregate`, written once for all engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from alerts.errors import MissingRelationError, WarehouseError
from alerts.warehouse.sql import (
    Dialect,
    Query,
    aggregate_query,
    count_query,
    first_line,
    missing,
    plain_rows,
    select_query,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alerts.warehouse.base import Relation, RowCounts


class Reading(ABC):
    """The half of a `Warehouse` that reads, over an engine's own way to run a statement."""

    dialect: ClassVar[Dialect]
    errors: ClassVar[tuple[type[Exception], ...]]

    @abstractmethod
    def columns(self, relation: Relation) -> dict[str, str]:
        """Column names and types in order; empty where the relation does not exist."""

    @abstractmethod
    def _fetch(self, text: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement; one of `errors` where the engine refuses."""

    @contextmanager
    def snapshot(self, relations: Sequence[Relation]) -> Iterator[None]:
        """Nothing to do: a DuckDB file that is read has no writer, and Spark has no snapshots."""
        del relations
        yield

    def select(
        self,
        relation: Relation,
        columns: Sequence[str],
        where: Mapping[str, tuple[str, Any]] | None = None,
        order_by: Sequence[str] = (),
        *,
        exact: bool = False,
    ) -> list[tuple[Any, ...]]:
        """The named columns of all rows that meet every condition."""
        query = select_query(self.dialect, relation, columns, where or {}, order_by)
        return self._run(relation, query, exact=exact)

    def aggregate(
        self,
        relation: Relation,
        group_by: Sequence[str],
        measures: Sequence[tuple[str, str]],
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> list[tuple[Any, ...]]:
        """One row per group: its columns, then its measures."""
        return self._run(
            relation, aggregate_query(self.dialect, relation, group_by, measures, where)
        )

    def counts(self, wanted: RowCounts) -> list[tuple[Any, ...]]:
        """One row per local day and group: the day, the group's columns, how many rows."""
        return self._run(wanted.relation, count_query(self.dialect, wanted))

    def _run(
        self, relation: Relation, query: Query, *, exact: bool = False
    ) -> list[tuple[Any, ...]]:
        try:
            return plain_rows(self._fetch(query.text, query.values), exact=exact)
        except self.errors as error:
            raise self._unreadable(relation, query, error) from None

    def _unreadable(self, relation: Relation, query: Query, error: Exception) -> WarehouseError:
        """The error for a query that failed: what is missing, else what the engine says."""
        present = self.columns(relation)
        message = missing(relation, query.columns, present)
        message = message or f"relation {relation} cannot be read: {self._said(error)}"
        return WarehouseError(message) if present else MissingRelationError(message)

    def _said(self, error: Exception) -> str:
        return first_line(error)
