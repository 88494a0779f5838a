"""From marts to series: one query for all rules that sum the same mart in the same way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerts.detectors import Point, Series, Single, Zeros
from alerts.errors import ConfigurationError, MissingRelationError, WarehouseError
from alerts.experiments.evidence import METRIC_COLUMNS, PLAN_COLUMNS
from alerts.rules.experiment_marts import SRM_MART
from alerts.rules.marts import MARTS, REFERENCES, Age, Figure, Judgement, Pivot, Streak, Sums
from alerts.runner.plans import read_plans
from alerts.runner.window import Window, complete_until, window
from alerts.warehouse.base import Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime, timedelta
    from zoneinfo import ZoneInfo

    from alerts.detectors import Bucket
    from alerts.experiments.evidence import Plan
    from alerts.rules import Rule
    from alerts.rules.marts import Mart, Metric
    from alerts.warehouse import Warehouse

_TRUE = {"true", "t", "1"}


@dataclass(frozen=True)
class Grouping:
    """How a rule sums its mart. Rules with equal groupings share a query."""

    mart: str
    by: tuple[str, ...]
    where: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, rule: Rule) -> Grouping:
        """The grouping of a rule."""
        return cls(rule.mart, rule.by, tuple(sorted(rule.where.items())))


@dataclass(frozen=True)
class Table:
    """The sums of one grouping: label values to bucket to sums, in the order of `columns`."""

    columns: tuple[str, ...]
    window: Window | None
    cells: Mapping[tuple[str, ...], Mapping[date, Sequence[Any]]]


@dataclass
class Reader:
    """Reads marts and reference tables, each once per evaluation."""

    warehouse: Warehouse
    zone: ZoneInfo
    as_of: datetime | None
    prefix: str = ""
    lookback: timedelta | None = None
    _known: dict[Relation, dict[str, str]] = field(default_factory=dict, init=False)
    _windows: dict[str, Window | None] = field(default_factory=dict, init=False)
    _references: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict, init=False)
    _plans: Mapping[str, Plan] | None = field(default=None, init=False)
    _wanted: dict[Grouping, set[str]] = field(default_factory=dict, init=False)
    _tables: dict[Grouping, Table] = field(default_factory=dict, init=False)
    _series: dict[tuple[Grouping, str, str | None], list[Series]] = field(
        default_factory=dict, init=False
    )

    def expect(self, rules: Sequence[Rule]) -> None:
        """Rules that will be asked for, so that those of one grouping share a query."""
        for rule in rules:
            self._wanted.setdefault(Grouping.of(rule), set()).update(_needed(rule))

    def table(self, rule: Rule) -> Table:
        """The sums that a rule needs.

        A column that another rule needs and the mart lacks is that rule's error alone.
        """
        grouping, needed = Grouping.of(rule), _needed(rule)
        self._columns(Relation.parse(rule.mart, self.prefix), self._read(rule.mart, needed))
        if grouping not in self._tables:
            known = self._known[Relation.parse(rule.mart, self.prefix)]
            wanted = sorted({*needed, *self._wanted.get(grouping, ())})
            present = [
                column
                for column in wanted
                if all(part in known for part in self._read(rule.mart, (column,)))
            ]
            self._tables[grouping] = self._table(grouping, tuple(present))
        return self._tables[grouping]

    def series(self, rule: Rule) -> list[Series]:
        """The series of a rule's metric; rules on the same one share them."""
        guard = rule.min_denominator.column if rule.min_denominator else None
        grouping = Grouping.of(rule)
        key = grouping, rule.metric, guard
        if key not in self._series:
            metric = MARTS[rule.mart].metrics[rule.metric]
            found = series(self.table(rule), rule.by, metric, guard, self.expected(grouping))
            self._series[key] = list(found)
        return self._series[key]

    def relations(self, rules: Sequence[Rule]) -> list[Relation]:
        """Every mart and reference table that the rules may read."""
        names = {rule.mart: None for rule in rules}
        if any(MARTS[rule.mart].of_experiments for rule in rules):
            names |= dict.fromkeys(
                (SRM_MART, "experiments.experiment_plans", "experiments.experiment_plan_metrics")
            )
        names |= dict.fromkeys(one.relation for one in REFERENCES.values())
        return [Relation.parse(name, self.prefix) for name in names]

    def check_alive(self) -> None:
        """Whether the warehouse still answers; a `WarehouseError` where it does not."""
        self.warehouse.columns(Relation.parse("information_schema.tables"))

    def _read(self, mart: str, columns: Sequence[str]) -> tuple[str, ...]:
        """The mart's own columns behind columns and totals."""
        return tuple(dict.fromkeys(part for column in columns for part in MARTS[mart].read(column)))

    def bound(self, table: str, column: str, key: str) -> float | None:
        """The number that a reference table gives for a key; None where it gives none."""
        rows = self.reference(table)
        if rows and column not in next(iter(rows.values())):
            relation = REFERENCES[table].relation
            msg = f"{relation} has no column {column}: add it to seeds/{table}.csv, run `dbt build`"
            raise ConfigurationError(msg)
        value = rows.get(key, {}).get(column)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            msg = f"{REFERENCES[table].relation}: {column} of {key!r} is not a number"
            raise ConfigurationError(msg) from None
        return number if math.isfinite(number) else None

    def expected(self, grouping: Grouping) -> list[tuple[str, ...]]:
        """The label sets of which rows are expected even where the mart has none."""
        if not grouping.by:
            return [()]
        fixed = dict(grouping.where)
        for name, reference in REFERENCES.items():
            if grouping.by == (reference.key,):
                return [
                    (key,)
                    for key, row in self.reference(name).items()
                    if str(row[reference.expected]).lower() in _TRUE
                    and fixed.get(reference.key, key) == key
                ]
        return []

    def reference(self, name: str) -> dict[str, dict[str, Any]]:
        """A reference table by its key."""
        if name not in self._references:
            reference = REFERENCES[name]
            relation = Relation.parse(reference.relation, self.prefix)
            columns = self._columns(relation, (reference.key, reference.expected))
            rows = self.warehouse.select(relation, list(columns))
            named = [dict(zip(columns, row, strict=True)) for row in rows]
            self._references[name] = {str(row[reference.key]): row for row in named}
        return self._references[name]

    def _table(self, grouping: Grouping, columns: tuple[str, ...]) -> Table:
        mart = MARTS[grouping.mart]
        marker = () if mart.complete is None else (mart.complete,)
        fixed = tuple(name for name, _ in grouping.where)
        read = self._read(grouping.mart, columns)
        self._columns(
            Relation.parse(grouping.mart, self.prefix),
            (mart.time, *grouping.by, *fixed, *read, *marker),
        )
        span = self.window(grouping.mart)
        if span is None:
            return Table(columns, None, {})
        # What is read as it stands is asked for by its whole grain: the sum of the one row it is.
        measures = [("sum", column) for column in read]
        rows = self.rows(grouping.mart, grouping.by, measures, grouping.where)
        cells = _cells(rows, len(grouping.by))
        return Table(columns, span, cells if read == columns else _totalled(cells, columns, mart))

    def rows(
        self,
        name: str,
        by: Sequence[str],
        measures: Sequence[tuple[str, str]],
        where: Sequence[tuple[str, Any]] = (),
        *,
        timed: bool = True,
    ) -> list[tuple[Any, ...]]:
        """The columns of `by` and the measures of a mart's rows within its window.

        The time comes first, unless the measures are of all of it together.
        """
        mart = MARTS[name]
        equal = [(column, "=", value) for column, value in where]
        self._check(name, by, measures, where)
        span = self.window(name)
        if span is None:
            return []
        bounds = [(mart.time, ">=", span.first), (mart.time, "<=", span.last)]
        groups = [mart.time, *by] if timed else [*by]
        relation = Relation.parse(name, self.prefix)
        return self.warehouse.aggregate(relation, groups, measures, [*bounds, *equal])

    def rows_ever(
        self,
        name: str,
        by: Sequence[str],
        measures: Sequence[tuple[str, str]],
        where: Sequence[tuple[str, Any]] = (),
    ) -> list[tuple[Any, ...]]:
        """The same of all rows, whether their bucket is complete or not, the time first."""
        self._check(name, by, measures, where)
        equal = [(column, "=", value) for column, value in where]
        relation = Relation.parse(name, self.prefix)
        return self.warehouse.aggregate(relation, [MARTS[name].time, *by], measures, equal)

    def _check(
        self,
        name: str,
        by: Sequence[str],
        measures: Sequence[tuple[str, str]],
        where: Sequence[tuple[str, Any]],
    ) -> None:
        """That the mart has every column of a query."""
        named = (MARTS[name].time, *by, *(one for one, _ in where), *(one for _, one in measures))
        self._columns(Relation.parse(name, self.prefix), named)

    def window(self, name: str) -> Window | None:
        """The complete buckets of a mart; None where it has none."""
        if name not in self._windows:
            mart = MARTS[name]
            relation = Relation.parse(name, self.prefix)
            until = complete_until(self.warehouse, relation, mart, self.as_of, self.zone)
            back = self.lookback or mart.history
            self._windows[name] = None if until is None else window(mart, until, back)
        return self._windows[name]

    def plans(self) -> Mapping[str, Plan]:
        """Every experiment as planned, by its key."""
        if self._plans is None:
            for name, columns in (("plans", PLAN_COLUMNS), ("plan_metrics", METRIC_COLUMNS)):
                relation = Relation.parse(f"experiments.experiment_{name}", self.prefix)
                self._columns(relation, ("experiment_key", *columns))
            self._plans = read_plans(self.warehouse, self.prefix)
        return self._plans

    def _columns(self, relation: Relation, needed: Sequence[str]) -> dict[str, str]:
        if relation not in self._known:
            self._known[relation] = self.warehouse.columns(relation)
        columns = self._known[relation]
        if not columns:
            msg = f"{relation} does not exist: run `dbt build` on this target first"
            raise MissingRelationError(msg)
        missing = [name for name in dict.fromkeys(needed) if name not in columns]
        if missing:
            msg = f"{relation} has no column {', '.join(missing)}: run `dbt build` on this target"
            raise WarehouseError(msg)
        return columns


def _needed(rule: Rule) -> tuple[str, ...]:
    """The columns whose sums a rule takes; tests, ages and pivots read their own rows."""
    metric = MARTS[rule.mart].metrics[rule.metric]
    if isinstance(metric, Judgement | Age | Pivot):
        return ()
    guard = () if rule.min_denominator is None else (rule.min_denominator.column,)
    return tuple(sorted({*metric.columns, *guard}))


def series(
    table: Table,
    by: Sequence[str],
    metric: Metric,
    guard: str | None,
    expected: Sequence[tuple[str, ...]],
) -> Iterator[Series]:
    """Every label set of the table that has a value, and every expected one, without gaps.

    A series begins with its own first bucket that has a value: a surface that shows impressions and
    has never served anything is no series of what was served. An expected one without any begins
    with its own first row, or the mart's.
    """
    if table.window is None:
        for labels in expected:
            yield Series(_labelled(by, labels), (), ())
        return
    buckets = table.window.buckets()
    places = {bucket: place for place, bucket in enumerate(buckets)}
    earliest = min((min(cells) for cells in table.cells.values()), default=table.window.last)
    point = _pointer(table, metric, guard)
    for labels in sorted({*table.cells, *expected}):
        found = {bucket: point(sums) for bucket, sums in table.cells.get(labels, {}).items()}
        first = next((one for one in sorted(found) if found[one].value is not None), None)
        if first is None:
            if labels not in expected:
                continue
            first = min(found, default=earliest)
        run = buckets[places.get(first, 0) :]
        yield Series(_labelled(by, labels), run, [found.get(bucket) for bucket in run])


def _pointer(table: Table, metric: Metric, guard: str | None) -> Callable[[Sequence[Any]], Bucket]:
    """A function from a row of sums to a bucket; sums that are null become NaN, never zero."""

    def at(column: str | None) -> int | None:
        return None if column is None else table.columns.index(column)

    places = [at(column) for column in (*_parts(metric), guard)]
    kinds: dict[type, Callable[..., Bucket]] = {
        Sums: Point,
        Pivot: Point,
        Figure: Single,
        Streak: Zeros,
    }
    kind = kinds[type(metric)]

    def bucket(sums: Sequence[Any]) -> Bucket:
        return kind(*[None if place is None else _number(sums[place]) for place in places])

    return bucket


def _parts(metric: Metric) -> tuple[str | None, ...]:
    """The columns of a bucket's fields, in their order."""
    match metric:
        case Sums():
            return metric.numerator, metric.denominator
        case Figure():
            return metric.column, metric.basis, metric.error
        case Pivot():
            return metric.numerator, metric.denominator
        case Streak():
            return metric.columns
        case Judgement() | Age():
            return ()


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _labelled(by: Sequence[str], labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(by, labels, strict=True))


def _cells(
    rows: Sequence[tuple[Any, ...]], labels: int
) -> dict[tuple[str, ...], dict[date, Sequence[Any]]]:
    cells: dict[tuple[str, ...], dict[date, Sequence[Any]]] = {}
    for row in rows:
        key = tuple(map(str, row[1 : labels + 1]))
        cells.setdefault(key, {})[row[0]] = row[labels + 1 :]
    return cells


def _totalled(
    cells: Mapping[tuple[str, ...], Mapping[date, Sequence[Any]]],
    columns: Sequence[str],
    mart: Mart,
) -> dict[tuple[str, ...], dict[date, Sequence[Any]]]:
    """The sums by column, a total being the sum of its own columns; null where one of them is."""
    read = tuple(dict.fromkeys(part for column in columns for part in mart.read(column)))
    places = [[read.index(part) for part in mart.read(column)] for column in columns]

    def total(sums: Sequence[Any], parts: Sequence[int]) -> Any:
        found = [sums[part] for part in parts]
        return None if None in found else sum(found)

    return {
        key: {
            bucket: [total(sums, parts) for parts in places] for bucket, sums in by_bucket.items()
        }
        for key, by_bucket in cells.items()
    }
