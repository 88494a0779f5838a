"""The change of a metric against the same bucket seven days before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors.change import change
from alerts.detectors.series import Verdict, unjudged

if TYPE_CHECKING:
    from datetime import date

    from alerts.detectors.series import Bucket, Limit, Series


def judge(series: Series, limit: Limit, *, periods: int, relative: bool) -> list[Verdict]:
    """A verdict for each bucket; `periods` is the number of buckets in seven days.

    Without a bucket seven days before there is nothing to compare with and the verdict is
    `too_few`: an older week is never taken in its place. Both weeks must be large enough, since
    the noise of a small week before is as misleading as that of a small week now.
    """
    points = series.points
    return [
        _verdict(bucket, points[i], points[i - periods] if i >= periods else None, limit, relative)
        for i, bucket in enumerate(series.buckets)
    ]


def _verdict(
    bucket: date,
    now: Bucket | None,
    before: Bucket | None,
    limit: Limit,
    relative: bool,
) -> Verdict:
    if now is None or now.value is None:
        return unjudged(bucket, now)
    if before is None or before.value is None:
        return Verdict(bucket, "too_few", None, now)
    value = change(now, before, relative=relative)
    if value is None or not (limit.enough(now) and limit.enough(before)):
        return Verdict(bucket, "too_few", value, now, before.value)
    return Verdict(bucket, limit.judge(value), value, now, before.value)
