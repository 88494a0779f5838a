"""A metric in a treatment arm against the control arm of its experiment, in the same bucket."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from alerts.detectors.change import change
from alerts.detectors.series import Point, Verdict, unjudged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.detectors.series import Bucket, Limit, Series


@dataclass(frozen=True)
class Certainty:
    """How sure a difference must be.

    Attributes:
        confidence: Of the two-sided interval that must lie beyond the bound, 0.5 to 1.
        design_effect: How many times the variance is that of independent events.
    """

    confidence: float
    design_effect: float = 1.0

    def beyond(self, now: Point, control: Point, limit: Limit) -> bool:
        """Whether chance does not explain how far the treatment lies beyond the bound.

        A score test of two rates, events as Poisson counts: under the hypothesis that the
        treatment's rate is exactly at the bound, both arms together say what the rates are. For
        shares that is on the safe side, as their events scatter less.
        """
        if now.denominator is None or control.denominator is None:
            return False
        factor = 1 + limit.bound
        rate = (now.numerator + control.numerator) / (
            control.denominator + factor * now.denominator
        )
        scatter = factor / now.denominator + factor * factor / control.denominator
        difference = now.numerator / now.denominator - factor * (
            control.numerator / control.denominator
        )
        error = sqrt(max(rate * scatter * self.design_effect, 0.0))
        far = abs(difference) > NormalDist().inv_cdf((1 + self.confidence) / 2) * error
        return far and limit.breached(limit.bound + difference)


def judge(
    series: Series,
    control: Sequence[Bucket | None],
    limit: Limit,
    certainty: Certainty | None = None,
) -> list[Verdict]:
    """A verdict for each bucket; its value is the relative difference, -0.05 for 5 % less.

    `control` runs beside the series' points. Without the control arm in the same bucket there is
    nothing to compare with and the verdict is `too_few`; both arms must be large enough. With a
    `certainty` a value beyond the bound that chance explains is `too_few`: no breach, and not fine.
    """
    return [
        _verdict(bucket, now, other, limit, certainty)
        for bucket, now, other in zip(series.buckets, series.points, control, strict=True)
    ]


def _verdict(
    bucket: date,
    now: Bucket | None,
    control: Bucket | None,
    limit: Limit,
    certainty: Certainty | None,
) -> Verdict:
    before = None if control is None else control.value
    if now is None or now.value is None:
        return unjudged(bucket, now)._replace(before=before)
    if control is None or before is None:
        return Verdict(bucket, "too_few", None, now, before)
    value = change(now, control, relative=True)
    if value is None or not (limit.enough(now) and limit.enough(control)):
        return Verdict(bucket, "too_few", value, now, before)
    outcome = limit.judge(value)
    if outcome == "ok" or certainty is None:
        return Verdict(bucket, outcome, value, now, before)
    sure = isinstance(now, Point) and isinstance(control, Point)
    sure = sure and certainty.beyond(now, control, limit)  # type: ignore[arg-type]
    return Verdict(bucket, "breach" if sure else "too_few", value, now, before, sure=sure)
