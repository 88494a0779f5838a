"""What a rule may ask of which mart: the one place that knows their columns.

A mart's rows are finer than a rule's labels (`engagement_daily` is split by experiment and
country), and a ratio cannot be averaged. So a metric is known as two additive columns, summed
over the rows of a bucket and divided once. What has no such columns (a mean over pairs, an
entropy, a percentile) is read as it stands, by rules that name every label of its mart. A distinct
count (users, sessions) cannot be summed and is not offered. A new mart becomes available to rules
by one entry here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit = Literal["share", "ms", "count", "number", "bits", "requests"]
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


Metric = Sums | Figure | Streak


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

    @property
    def in_days(self) -> bool:
        """Whether buckets are dates rather than instants."""
        return self.bucket >= DAY

    @property
    def counts(self) -> frozenset[str]:
        """Every column with a count, for `min_denominator`."""
        return frozenset(column for metric in self.metrics.values() for column in _counts(metric))

    def unsummable(self, metric: Metric) -> tuple[str, ...]:
        """The labels that a rule on the metric must have in `by` or fix by `where`."""
        return self.fixed if isinstance(metric, Sums) else self.labels


def _counts(metric: Metric) -> tuple[str, ...]:
    match metric:
        case Sums():
            return metric.columns
        case Figure():
            return () if metric.basis is None else (metric.basis,)
        case Streak():
            return (metric.numerator, metric.denominator)


def _count(column: str) -> Sums:
    return Sums(column, None, "count")


_CTR = Sums("clicks", "impressions")
_ENGAGEMENT = {
    "impressions": _count("impressions"),
    "clicks": _count("clicks"),
    "ctr": _CTR,
    "dwell_events": _count("dwell_events"),
    "avg_dwell_ms": Sums("dwell_ms_sum", "dwell_events", "ms"),
}

_SERVED = {
    "requests": _count("requests"),
    "served_items": _count("served_items"),
    "personalized_impression_rate": Sums("personalized_items", "served_items"),
    "reason_coverage_rate": Sums("reason_items", "served_items"),
}

MARTS: dict[str, Mart] = {
    "analytics.engagement_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface", "experiment_key", "variation", "country"),
        metrics=_ENGAGEMENT,
    ),
    "analytics.engagement_hourly": Mart(
        time="hour",
        bucket=HOUR,
        labels=("surface", "experiment_key", "variation"),
        metrics=_ENGAGEMENT,
    ),
    "analytics.ctr_weekly": Mart(
        time="week",
        bucket=WEEK,
        labels=("surface",),
        metrics={
            "impressions": _count("impressions"),
            "clicks": _count("clicks"),
            "ctr": _CTR,
            "wow_change": Sums("clicks", "impressions", change="absolute"),
            "wow_change_relative": Sums("clicks", "impressions", change="relative"),
        },
        complete="is_complete",
    ),
    "analytics.session_coverage_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface",),
        metrics={"session_coverage": Sums("sessions_with_impression", "sessions_total")},
        fixed=("surface",),
    ),
    "analytics.funnel_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface",),
        metrics={
            "click_rate": _CTR,
            "save_rate": Sums("saves", "clicks"),
        },
        settles=WEEK,
    ),
    "analytics.payload_quality_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface", "attribute", "value"),
        metrics={
            "impressions": _count("impressions"),
            "ctr": _CTR,
            "avg_dwell_ms": Sums("dwell_ms_sum", "dwell_events", "ms"),
        },
        fixed=("attribute",),
    ),
    "analytics.personalization_intraday": Mart(
        time="bucket_start",
        bucket=FIVE_MINUTES,
        labels=("namespace", "surface"),
        metrics=_SERVED,
        # 288 buckets a day: a rule that holds for an hour needs no year of them.
        history=timedelta(days=60),
    ),
    "analytics.personalization_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("namespace", "surface"),
        metrics={
            **_SERVED,
            "cold_start_rate": Sums("cold_start_requests", "requests"),
            "out_of_stock_rate": Sums("unavailable_items", "served_items"),
            "catalog_overlap_pct": Figure(
                "catalog_overlap_pct", basis="overlap_pairs", error="overlap_stderr"
            ),
            "brand_entropy": Figure("brand_entropy", "bits"),
            "category_entropy": Figure("category_entropy", "bits"),
            "brand_entropy_normalized": Figure("brand_entropy_normalized"),
            "category_entropy_normalized": Figure("category_entropy_normalized"),
            "impressions": _count("impressions"),
            "clicks": _count("clicks"),
            "ctr": _CTR,
        },
    ),
    "analytics.topk_overlap_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("namespace", "surface", "cohort_type", "cohort"),
        metrics={
            "mean": Figure("mean", basis="pairs", error="stderr"),
            **{name: Figure(name, basis="pairs") for name in ("p50", "p90", "p95", "p99")},
        },
        fixed=("cohort_type", "cohort"),
    ),
    "analytics.candidate_sources_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("namespace", "surface", "source"),
        metrics={
            "requests": _count("requests"),
            "zero_requests": _count("zero_requests"),
            "zero_rate": Sums("zero_requests", "requests"),
            "avg_count": Sums("count_sum", "requests", "number"),
            "longest_zero_streak": Streak(
                "longest_zero_streak", "trailing_zero_streak", "zero_requests", "requests"
            ),
            "trailing_zero_streak": Figure("trailing_zero_streak", "requests", basis="requests"),
        },
        # A request is counted once for each of its sources.
        fixed=("source",),
    ),
}


@dataclass(frozen=True)
class Reference:
    """A seed with one row per value of a label: thresholds that differ by that value."""

    relation: str
    key: str
    # The column that says of which values rows are expected, so that silence is noticed.
    expected: str


REFERENCES: dict[str, Reference] = {
    "surfaces": Reference("reference.surfaces", "surface", "has_impressions"),
}
