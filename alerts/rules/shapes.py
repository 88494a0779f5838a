"""What a mart is to a rule: its buckets, its labels, its metrics.

A mart's rows are finer than a rule's labels (`engagement_daily` is split by experiment and
country), and a ratio cannot be averaged. So a metric is known as two additive columns, summed
over the rows of a bucket and divided once. What has no such columns (a mean over pairs, an
entropy, a percentile) is read as it stands, by rules that name every label of its mart. A distinct
count (users, sessions) cannot be summed and is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit = Literal["share", "ms", "count", "number", "bits", "requests", "duration"]
Change = Literal["relative", "absolute"]

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
FIVE_MINUTES = timedelta(minutes=5)


@dataclass(frozen=True)
class Sums:
    """A ratio of two additive columns, a sum (no denominator), or its change since a week ago."""

    numerator: str
    denominator: str | None
    unit: Unit = "share"
    change: Change | None = None
    # Whether the numerator counts events, whose noise is known without knowing more of them.
    counts_events: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose sums give the metric."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)


@dataclass(frozen=True)
class Figure:
    """A column read as it stands: no sum or mean of several rows gives it.

    `basis` is the column with the count that it rests on, `error` that with its standard error.
    """

    column: str
    unit: Unit = "number"
    basis: str | None = None
    error: str | None = None
    numerator: None = None
    change: None = None

    @property
    def denominator(self) -> str | None:
        """What stands in place of a denominator."""
        return self.basis

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read: itself, and what says how sure it is."""
        return tuple(name for name in (self.column, self.basis, self.error) if name is not None)


@dataclass(frozen=True)
class Streak:
    """The longest run of requests with a count of 0, and what it takes to join days.

    `numerator` is the column with the requests of such a count, `denominator` that with all.
    """

    longest: str
    trailing: str
    numerator: str
    denominator: str
    unit: Unit = "requests"
    change: None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read."""
        return (self.longest, self.trailing, self.numerator, self.denominator)


@dataclass(frozen=True)
class Judgement:
    """A test of `alerts.experiments`, on many rows together: only rules of its kind can ask for it.

    `columns` are those whose sums it needs, `over` is what it is done on.
    """

    kind: Literal["srm", "guardrail"]
    columns: tuple[str, ...]
    over: str = "users"
    unit: Unit = "number"
    numerator: None = None
    change: None = None

    @property
    def denominator(self) -> str:
        """What stands in place of a denominator."""
        return self.over


@dataclass(frozen=True)
class Age:
    """How long there has been nothing new: only rules of kind freshness can ask for it.

    `of_loads` tells the moments at which a mart's raw tables were loaded from its own rows.
    """

    of_loads: bool = False
    unit: Unit = "duration"
    columns: tuple[str, ...] = ()
    numerator: None = None
    denominator: None = None
    change: None = None


@dataclass(frozen=True)
class Pivot:
    """The share of the counts with some values of a column among the counts with any.

    Values in `fine` count in the denominator only, those in `neither` nowhere.
    """

    column: str
    count: str
    fine: frozenset[str]
    neither: frozenset[str] = frozenset()
    unit: Unit = "share"
    change: None = None

    @property
    def numerator(self) -> str:
        """What stands in place of a numerator."""
        return "refused"

    @property
    def denominator(self) -> str:
        """The column whose counts are summed."""
        return self.count

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read."""
        return (self.column, self.count)


Metric = Sums | Figure | Streak | Judgement | Age | Pivot
AGE = Age()


@dataclass(frozen=True)
class Mart:
    """One mart as rules see it.

    Buckets of days or weeks are dates in the reporting time zone, shorter ones UTC instants.
    """

    time: str
    bucket: timedelta
    labels: tuple[str, ...]
    metrics: Mapping[str, Metric]
    # A column that says whether the bucket is over; without one a later bucket says so.
    complete: str | None = None
    # How long after its end a bucket's figures still grow by design (a late save counts).
    settles: timedelta = timedelta(0)
    # Labels over which nothing may be summed: each must be in `by` or fixed by `where`.
    fixed: tuple[str, ...] = field(default=())
    # How far back rules read, unless told otherwise.
    history: timedelta = timedelta(days=400)
    # Counts that are sums of columns: a denominator may be one, and `min_denominator` look at it.
    totals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The raw tables that its rows come from: while one is stale, so are they.
    sources: tuple[str, ...] = ()
    # Whether its rows are about experiments as `experiment_plans` has them, and end with them.
    of_experiments: bool = False

    @property
    def in_days(self) -> bool:
        """Whether buckets are dates rather than instants."""
        return self.bucket >= DAY

    @property
    def counts(self) -> frozenset[str]:
        """Every column with a count, for `min_denominator`."""
        named = {column for metric in self.metrics.values() for column in _counts(metric)}
        return frozenset(named | {*self.totals})

    def read(self, column: str) -> tuple[str, ...]:
        """The mart's columns behind a column or total."""
        return self.totals.get(column, (column,))

    def unsummable(self, metric: Metric) -> tuple[str, ...]:
        """The labels that a rule on the metric must have in `by` or fix by `where`."""
        return self.fixed if isinstance(metric, Sums | Age) else self.labels


def _counts(metric: Metric) -> tuple[str, ...]:
    match metric:
        case Sums():
            return metric.columns if metric.counts_events else metric.columns[1:]
        case Figure():
            return () if metric.basis is None else (metric.basis,)
        case Streak():
            return (metric.numerator, metric.denominator)
        case Pivot():
            return (metric.count,)
        case Judgement() | Age():
            return ()


def count(column: str) -> Sums:
    """A plain count."""
    return Sums(column, None, "count")
