"""The change of a metric against its own recent past.

The baseline of a bucket is the metric over the buckets right before it, pooled: a ratio's sides
are summed and divided once, of counts and of figures that cannot be summed it is the mean. It
holds neither the bucket that is judged nor any of the run of breaches that the bucket belongs to:
a fall would otherwise become its own baseline and seem to end by itself. So the baseline freezes
at the first breach. A fine bucket releases it, and what breached then counts as past like all
else; so does time, since a level that has lasted for long is the new normal.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from alerts.detectors.change import change, sides
from alerts.detectors.series import Point, Verdict, unjudged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.detectors.series import Bucket, Limit, Series


def judge(
    series: Series, limit: Limit, *, periods: int, minimum: int, frozen: int
) -> list[Verdict]:
    """A verdict for each bucket; its value is the relative change, -0.05 for 5 % less.

    `periods` buckets make the baseline, of which at least `minimum` must be large enough to be
    judged themselves; the others are left out of it. It is released `frozen` buckets after the
    first breach. Without a baseline, or with one of 0, the verdict is `too_few`.
    """
    past = _Past(series.points, limit)
    verdicts: list[Verdict] = []
    begun: int | None = None
    for place, bucket in enumerate(series.buckets):
        if begun is not None and place - begun >= frozen:
            begun = None
        end = place if begun is None else begun
        baseline = past.pooled(end - periods, end, minimum)
        verdict = _verdict(bucket, series.points[place], baseline, limit)
        if verdict.outcome == "ok":
            begun = None
        elif verdict.outcome == "breach" and begun is None:
            begun = place
        verdicts.append(verdict)
    return verdicts


class _Past:
    """Sums over any stretch of a series, each in one step."""

    def __init__(self, points: Sequence[Bucket | None], limit: Limit) -> None:
        usable = [
            sides(point) if point is not None and _judged(point, limit) else None
            for point in points
        ]
        self.tops = list(accumulate((one[0] if one else 0.0 for one in usable), initial=0.0))
        self.bottoms = list(accumulate((one[1] if one else 0.0 for one in usable), initial=0.0))
        self.counts = list(accumulate((one is not None for one in usable), initial=0))

    def pooled(self, first: int, end: int, minimum: int) -> Point | None:
        """All buckets from `first` to before `end` as one; None where too few can be used."""
        first = max(first, 0)
        if self.counts[end] - self.counts[first] < minimum:
            return None
        return Point(self.tops[end] - self.tops[first], self.bottoms[end] - self.bottoms[first])


def _judged(point: Bucket, limit: Limit) -> bool:
    return point.value is not None and limit.enough(point)


def _verdict(bucket: date, now: Bucket | None, baseline: Point | None, limit: Limit) -> Verdict:
    before = None if baseline is None else baseline.value
    if now is None or now.value is None:
        return unjudged(bucket, now)._replace(before=before)
    if baseline is None or before is None:
        return Verdict(bucket, "too_few", None, now, before)
    value = change(now, baseline, relative=True)
    if value is None or not limit.enough(now):
        return Verdict(bucket, "too_few", value, now, before)
    return Verdict(bucket, limit.judge(value), value, now, before)
