"""What a rule may ask of which mart: the one place that knows their columns.

A new mart becomes available to rules by one entry here, or in `experiment_marts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from alerts.rules.experiment_marts import EXPERIMENT_MARTS
from alerts.rules.shapes import (
    AGE,
    DAY,
    FIVE_MINUTES,
    HOUR,
    WEEK,
    Age,
    Figure,
    Judgement,
    Mart,
    Metric,
    Pivot,
    Streak,
    Sums,
    count,
)

__all__ = [
    "DAY",
    "FIVE_MINUTES",
    "HOUR",
    "MARTS",
    "REFERENCES",
    "WEEK",
    "Age",
    "Figure",
    "Judgement",
    "Mart",
    "Metric",
    "Pivot",
    "Reference",
    "Streak",
    "Sums",
]

_IMPRESSIONS = "personalization_metrics"
_TRACES = "decision_traces"
_CTR = Sums("clicks", "impressions")
_ENGAGEMENT: dict[str, Metric] = {
    "impressions": count("impressions"),
    "clicks": count("clicks"),
    "ctr": _CTR,
    "dwell_events": count("dwell_events"),
    "avg_dwell_ms": Sums("dwell_ms_sum", "dwell_events", "ms"),
    "age": AGE,
}

_SERVED: dict[str, Metric] = {
    "requests": count("requests"),
    "served_items": count("served_items"),
    "personalized_impression_rate": Sums("personalized_items", "served_items"),
    "reason_coverage_rate": Sums("reason_items", "served_items"),
    "age": AGE,
}

MARTS: dict[str, Mart] = {
    "analytics.engagement_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface", "experiment_key", "variation", "country"),
        sources=(_IMPRESSIONS,),
        metrics=_ENGAGEMENT,
    ),
    "analytics.engagement_hourly": Mart(
        time="hour",
        bucket=HOUR,
        labels=("surface", "experiment_key", "variation"),
        sources=(_IMPRESSIONS,),
        metrics=_ENGAGEMENT,
    ),
    "analytics.ctr_weekly": Mart(
        time="week",
        bucket=WEEK,
        labels=("surface",),
        sources=(_IMPRESSIONS,),
        metrics={
            "impressions": count("impressions"),
            "clicks": count("clicks"),
            "ctr": _CTR,
            "wow_change": Sums("clicks", "impressions", change="absolute"),
            "wow_change_relative": Sums("clicks", "impressions", change="relative"),
            "age": AGE,
        },
        complete="is_complete",
    ),
    "analytics.session_coverage_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface",),
        sources=(_IMPRESSIONS, "sessions"),
        metrics={
            "session_coverage": Sums("sessions_with_impression", "sessions_total"),
            "age": AGE,
        },
        fixed=("surface",),
    ),
    "analytics.funnel_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface",),
        sources=(_IMPRESSIONS, "user_interactions"),
        metrics={
            "click_rate": _CTR,
            "save_rate": Sums("saves", "clicks"),
            "age": AGE,
        },
        settles=WEEK,
    ),
    "analytics.payload_quality_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("surface", "attribute", "value"),
        sources=(_IMPRESSIONS,),
        metrics={
            "impressions": count("impressions"),
            "ctr": _CTR,
            "avg_dwell_ms": Sums("dwell_ms_sum", "dwell_events", "ms"),
            "age": AGE,
        },
        fixed=("attribute",),
    ),
    "analytics.personalization_intraday": Mart(
        time="bucket_start",
        bucket=FIVE_MINUTES,
        labels=("namespace", "surface"),
        sources=(_TRACES,),
        metrics=_SERVED,
        # 288 buckets a day: a rule that holds for an hour needs no year of them.
        history=timedelta(days=60),
    ),
    "analytics.personalization_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("namespace", "surface"),
        sources=(_TRACES, "shop_events", "catalog_items"),
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
            "impressions": count("impressions"),
            "clicks": count("clicks"),
            "ctr": _CTR,
        },
    ),
    "analytics.topk_overlap_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("namespace", "surface", "cohort_type", "cohort"),
        sources=(_TRACES,),
        metrics={
            "mean": Figure("mean", basis="pairs", error="stderr"),
            **{name: Figure(name, basis="pairs") for name in ("p50", "p90", "p95", "p99")},
            "age": AGE,
        },
        fixed=("cohort_type", "cohort"),
    ),
    "analytics.candidate_sources_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("namespace", "surface", "source"),
        sources=(_TRACES,),
        metrics={
            "requests": count("requests"),
            "zero_requests": count("zero_requests"),
            "zero_rate": Sums("zero_requests", "requests"),
            "avg_count": Sums("count_sum", "requests", "number"),
            "longest_zero_streak": Streak(
                "longest_zero_streak", "trailing_zero_streak", "zero_requests", "requests"
            ),
            "trailing_zero_streak": Figure("trailing_zero_streak", "requests", basis="requests"),
            "age": AGE,
        },
        # A request is counted once for each of its sources.
        fixed=("source",),
    ),
    # By the day of the load. What contradicts itself is counted as accepted too.
    "analytics.data_quality_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("source_table",),
        metrics={
            "refused_share": Pivot(
                "reason",
                "rows",
                fine=frozenset({"accepted", "duplicate"}),
                neither=frozenset({"personalized_count_wrong", "reason_count_wrong"}),
            ),
            "age": Age(of_loads=True),
        },
    ),
    **EXPERIMENT_MARTS,
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
