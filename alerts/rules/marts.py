"""What a rule may ask of which mart: the one place that knows their columns.

A mart's rows are finer than a rule's labels (`engagement_daily` is split by experiment and
country), and a ratio cannot be averaged. So a metric is known as two additive columns, summed
over the rows of a bucket and divided once. A distinct count (users, sessions) cannot be summed
and is not offered. A new mart becomes available to rules by one entry here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit = Literal["share", "ms", "count"]
Change = Literal["relative", "absolute"]

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Metric:
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

    @property
    def in_days(self) -> bool:
        """Whether buckets are dates rather than instants."""
        return self.bucket >= DAY

    @property
    def counts(self) -> frozenset[str]:
        """Every additive column, for `min_denominator`."""
        return frozenset(column for metric in self.metrics.values() for column in metric.columns)


_CTR = Metric("clicks", "impressions")
_ENGAGEMENT = {
    "impressions": Metric("impressions", None, "count"),
    "clicks": Metric("clicks", None, "count"),
    "ctr": _CTR,
    "dwell_events": Metric("dwell_events", None, "count"),
    "avg_dwell_ms": Metric("dwell_ms_sum", "dwell_events", "ms"),
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
            "impressions": Metric("impressions", None, "count"),
            "clicks": Metric("clicks", None, "count"),
            "ctr": _CTR,
            "wow_change": Metric("clicks", "impressions", change="absolute"),
            "wow_change_relative": Metric("clicks", "impressions", change="relative"),
        },
        complete="is_complete",
    ),
    "analytics.session_coverage_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface",),
        metrics={"session_coverage": Metric("sessions_with_impression", "sessions_total")},
        fixed=("surface",),
    ),
    "analytics.funnel_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface",),
        metrics={
            "click_rate": _CTR,
            "save_rate": Metric("saves", "clicks"),
        },
        settles=WEEK,
    ),
    "analytics.payload_quality_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface", "attribute", "value"),
        metrics={
            "impressions": Metric("impressions", None, "count"),
            "ctr": _CTR,
            "avg_dwell_ms": Metric("dwell_ms_sum", "dwell_events", "ms"),
        },
        fixed=("attribute",),
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
