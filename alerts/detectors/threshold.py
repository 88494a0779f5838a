"""A metric against a fixed bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors.evidence import beyond, design_effects
from alerts.detectors.series import Point, Verdict, unjudged

if TYPE_CHECKING:
    from datetime import date

    from alerts.detectors.evidence import Evidence
    from alerts.detectors.series import Bucket, Limit, Series


def judge(series: Series, limit: Limit, evidence: Evidence | None = None) -> list[Verdict]:
    """A verdict for each bucket of the series.

    With `evidence` a share beyond the bound whose interval reaches back over it is `too_few`: no
    breach, and not fine.
    """
    verdicts = [
        _verdict(bucket, point, value, limit)
        for bucket, point, value in zip(series.buckets, series.points, series.values, strict=True)
    ]
    if evidence is None or all(one.outcome != "breach" for one in verdicts):
        return verdicts
    if evidence.design_effect is None:
        effects = design_effects(series.points)
    else:
        effects = [evidence.design_effect] * len(verdicts)
    return [
        _sure(verdict, effect, limit, evidence) if verdict.outcome == "breach" else verdict
        for verdict, effect in zip(verdicts, effects, strict=True)
    ]


def _verdict(bucket: date, point: Bucket | None, value: float | None, limit: Limit) -> Verdict:
    if point is None or value is None:
        return unjudged(bucket, point)
    if not limit.enough(point):
        return Verdict(bucket, "too_few", value, point)
    return Verdict(bucket, limit.judge(value), value, point)


def _sure(verdict: Verdict, effect: float, limit: Limit, evidence: Evidence) -> Verdict:
    """A breach held against the interval of its share."""
    if not isinstance(verdict.point, Point):
        return verdict
    interval = evidence.interval(verdict.point, effect)
    if interval is None:
        return verdict
    sure = beyond(interval, limit)
    return verdict._replace(outcome="breach" if sure else "too_few", sure=sure, scale=interval)
