"""What the engines share: SQL text for the few queries there are, and values as promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError
from alerts.raw.tables import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alerts.raw.tables import Engine
    from alerts.warehouse.base import Relation, RowCounts

_OPERATORS = frozenset({"=", "<", "<=", ">", ">="})
_FUNCTIONS = frozenset({"sum", "min", "max"})


@dataclass(frozen=True)
class Dialect:
    """How an engine writes what the few queries need: a bound value, a name."""

    placeholder: str
    engine: Engine

    def quote(self, identifier: str) -> str:
        """A name, quoted."""
        return quote(identifier, self.engine)

    def quoted(self, identifiers: Iterable[str]) -> str:
        """Names, quoted, as a list of columns."""
        return ", ".join(map(self.quote, identifiers))

    def local_day(self, instant: str, zone: str) -> str:
        """The calendar day of an instant in a time zone, whose name must be a known one.

        The zone is written out: in a group a bound value need not be the same as in the list.
        """
        if self.engine == "spark":
            return f"to_date(from_utc_timestamp({instant}, '{zone}'))"
        return f"cast({instant} at time zone '{zone}' as date)"

    def qualified(self, relation: Relation) -> str:
        """Schema and name, quoted."""
        return f"{self.quote(relation.schema)}.{self.quote(relation.name)}"


@dataclass
class Query:
    """A statement with its values, bound in order, and the columns it needs."""

    text: str
    values: list[Any] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)


def select_query(
    dialect: Dialect,
    relation: Relation,
    columns: Sequence[str],
    where: Mapping[str, tuple[str, Any]],
    order_by: Sequence[str],
) -> Query:
    """The named columns of the rows that meet every condition."""
    conditions = [(column, operator, value) for column, (operator, value) in where.items()]
    listed = dialect.quoted(columns)
    query = Query(f"select {listed} from {dialect.qualified(relation)}")  # noqa: S608 - all quoted
    query.columns = [*columns, *where, *order_by]
    _add_conditions(dialect, query, conditions)
    if order_by:
        query.text += f" order by {dialect.quoted(order_by)}"
    return query


def aggregate_query(
    dialect: Dialect,
    relation: Relation,
    group_by: Sequence[str],
    measures: Sequence[tuple[str, str]],
    where: Sequence[tuple[str, str, Any]],
) -> Query:
    """One row per group: its columns, then its measures."""
    for function, _ in measures:
        if function not in _FUNCTIONS:
            raise ConfigurationError(f"unknown function {function!r}: one of sum, min, max")
    listed = [dialect.quote(column) for column in group_by]
    listed += [f"{function}({dialect.quote(column)})" for function, column in measures]
    query = Query(f"select {', '.join(listed)} from {dialect.qualified(relation)}")  # noqa: S608
    query.columns = [
        *group_by,
        *(column for _, column in measures),
        *(name for name, _, _ in where),
    ]
    _add_conditions(dialect, query, where)
    if group_by:
        query.text += f" group by {dialect.quoted(group_by)}"
    return query


def count_query(dialect: Dialect, wanted: RowCounts) -> Query:
    """How many rows there are by the local day of an instant, and by further columns."""
    day = dialect.local_day(dialect.quote(wanted.instant), wanted.zone.key)
    groups = ", ".join([day, *map(dialect.quote, wanted.group_by)])
    relation = dialect.qualified(wanted.relation)
    query = Query(f"select {groups}, count(*) from {relation}")  # noqa: S608 - all quoted
    query.columns = [wanted.instant, *wanted.group_by]
    if wanted.through is not None:
        _add_conditions(dialect, query, [(wanted.instant, "<=", wanted.through)])
    query.text += f" group by {groups}"
    return query


def _add_conditions(
    dialect: Dialect, query: Query, conditions: Sequence[tuple[str, str, Any]]
) -> None:
    for position, (column, operator, value) in enumerate(conditions):
        if operator not in _OPERATORS:
            raise ConfigurationError(f"unknown operator {operator!r}: one of =, <, <=, >, >=")
        query.text += " and " if position else " where "
        query.text += f"{dialect.quote(column)} {operator} {dialect.placeholder}"
        query.values.append(value)


def plain_rows(rows: Iterable[Sequence[Any]], *, exact: bool = False) -> list[tuple[Any, ...]]:
    """Rows as `Warehouse.select` promises them; `exact` leaves decimals as they are."""
    plain = _EXACT if exact else _PLAIN
    return [tuple(plain.get(type(value), _same)(value) for value in row) for row in rows]


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


def _same(value: Any) -> Any:
    return value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_EXACT: dict[type, Callable[[Any], Any]] = {datetime: _utc}
_PLAIN: dict[type, Callable[[Any], Any]] = {Decimal: float, **_EXACT}
