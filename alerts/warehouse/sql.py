"""What the engines share: SQL text for the few queries there are, and values as promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alerts.warehouse.base import Relation

_OPERATORS = frozenset({"=", "<", "<=", ">", ">="})
_FUNCTIONS = frozenset({"sum", "min", "max"})


def quote(identifier: str) -> str:
    """An identifier as DuckDB and Postgres quote it."""
    return '"' + identifier.replace('"', '""') + '"'


def qualified(relation: Relation) -> str:
    """Schema and name, quoted."""
    return f"{quote(relation.schema)}.{quote(relation.name)}"


@dataclass
class Query:
    """A statement with its values, bound in order, and the columns it needs."""

    text: str
    values: list[Any] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)


def select_query(
    relation: Relation,
    columns: Sequence[str],
    where: Mapping[str, tuple[str, Any]],
    order_by: Sequence[str],
    placeholder: str,
) -> Query:
    """The named columns of the rows that meet every condition."""
    conditions = [(column, operator, value) for column, (operator, value) in where.items()]
    listed = ", ".join(map(quote, columns))
    query = Query(f"select {listed} from {qualified(relation)}")  # noqa: S608 - all quoted
    query.columns = [*columns, *where, *order_by]
    _add_conditions(query, conditions, placeholder)
    if order_by:
        query.text += " order by " + ", ".join(map(quote, order_by))
    return query


def aggregate_query(
    relation: Relation,
    group_by: Sequence[str],
    measures: Sequence[tuple[str, str]],
    where: Sequence[tuple[str, str, Any]],
    placeholder: str,
) -> Query:
    """One row per group: its columns, then its measures."""
    for function, _ in measures:
        if function not in _FUNCTIONS:
            raise ConfigurationError(f"unknown function {function!r}: one of sum, min, max")
    listed = [quote(column) for column in group_by]
    listed += [f"{function}({quote(column)})" for function, column in measures]
    query = Query(f"select {', '.join(listed)} from {qualified(relation)}")  # noqa: S608
    query.columns = [
        *group_by,
        *(column for _, column in measures),
        *(name for name, _, _ in where),
    ]
    _add_conditions(query, where, placeholder)
    if group_by:
        query.text += " group by " + ", ".join(map(quote, group_by))
    return query


def _add_conditions(
    query: Query, conditions: Sequence[tuple[str, str, Any]], placeholder: str
) -> None:
    for position, (column, operator, value) in enumerate(conditions):
        if operator not in _OPERATORS:
            raise ConfigurationError(f"unknown operator {operator!r}: one of =, <, <=, >, >=")
        query.text += f" {'and' if position else 'where'} {quote(column)} {operator} {placeholder}"
        query.values.append(value)


def plain_rows(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows as `Warehouse.select` promises them."""
    return [tuple(_PLAIN.get(type(value), _same)(value) for value in row) for row in rows]


def missing(relation: Relation, needed: Sequence[str], present: Mapping[str, str]) -> str | None:
    """What a query asked for that the warehouse lacks, as a message; None if nothing is missing."""
    if not present:
        return f"relation {relation} does not exist: run `dbt build`"
    absent = [column for column in dict.fromkeys(needed) if column not in present]
    if absent:
        listed = ", ".join(absent)
        return f"relation {relation} has no column {listed}: run `dbt build`"
    return None


def first_line(error: BaseException, *secrets: Any) -> str:
    """The first line of an engine's message, without any of the secrets."""
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    for secret in secrets:
        if secret:
            text = text.replace(str(secret), "***")
    return text


def diagnose(
    error: Exception,
    relation: Relation,
    query: Query,
    columns: Callable[[Relation], dict[str, str]],
) -> WarehouseError:
    """The error to raise for a query that failed: what is missing, else what the engine says."""
    message = missing(relation, query.columns, columns(relation))
    return WarehouseError(message or f"relation {relation} cannot be read: {first_line(error)}")


def _same(value: Any) -> Any:
    return value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_PLAIN: dict[type, Callable[[Any], Any]] = {Decimal: float, datetime: _utc}
