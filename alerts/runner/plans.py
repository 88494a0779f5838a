"""Which experiments there are, and between which buckets they run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from alerts.experiments.evidence import METRIC_COLUMNS, PLAN_COLUMNS, plan_of
from alerts.runner.window import aligned
from alerts.warehouse.base import Relation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from alerts.detectors import Series
    from alerts.experiments.evidence import Plan
    from alerts.rules.marts import Mart
    from alerts.warehouse import Warehouse

# What impressions outside experiments are logged under.
NO_EXPERIMENT = "(none)"
_MOMENT = timedelta(microseconds=1)


class Span(NamedTuple):
    """The first and last bucket that an experiment touches; the last is None without an end."""

    first: date
    last: date | None

    def is_over(self, newest: date) -> bool:
        """Whether it ended before the newest bucket."""
        return self.last is not None and self.last < newest


def read_plans(warehouse: Warehouse, prefix: str) -> dict[str, Plan]:
    """Every experiment, two queries for all of them."""

    def rows(mart: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        relation = Relation.parse(f"experiments.{mart}", prefix)
        found = warehouse.select(relation, columns)
        return [dict(zip(columns, row, strict=True)) for row in found]

    metrics: dict[str, list[dict[str, Any]]] = {}
    for row in rows("experiment_plan_metrics", ("experiment_key", *METRIC_COLUMNS)):
        metrics.setdefault(str(row["experiment_key"]), []).append(row)
    plans = (
        plan_of(row, metrics.get(str(row["experiment_key"]), []))
        for row in rows("experiment_plans", PLAN_COLUMNS)
    )
    return {plan.experiment_key: plan for plan in plans}


def span_of(plan: Plan, mart: Mart, zone: ZoneInfo) -> Span | None:
    """Between which buckets an experiment runs; None for one that has not been started.

    An end at midnight is the end of the day before. The start is that of the newest run: what was
    logged before a restart counts for nothing.
    """
    if plan.started_at is None:
        return None
    last = None if plan.ended_at is None else _bucket(plan.ended_at - _MOMENT, mart, zone)
    return Span(_bucket(plan.started_at, mart, zone), last)


def within(one: Series, span: Span) -> Series:
    """The part of a series that lies within the span."""
    low = bisect_left(one.buckets, span.first)
    high = len(one.buckets) if span.last is None else bisect_right(one.buckets, span.last)
    return replace(one, buckets=one.buckets[low:high], points=one.points[low:high])


def _bucket(moment: datetime, mart: Mart, zone: ZoneInfo) -> date:
    """The bucket that holds a moment."""
    return aligned(moment.astimezone(zone).date() if mart.in_days else moment, mart.bucket)
