"""The change of a metric against the same bucket seven days before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors.series import Verdict, finite

if TYPE_CHECKING:
    from datetime import date

    from alerts.detectors.series import Limit, Point, Series


def judge(series: Series, limit: Limit, *, periods: int, relative: bool) -> list[Verdict]:
    """A verdict for each bucket; `periods` is the number of buckets in seven days.

    Without a bucket seven days before there is nothing to compare with and the verdict is
    `no_data`: an older week is never taken in its place. Both weeks must be large enough, since
    the noise of a small week before is as misleading as that of a small week now.
    """
    points = series.points
    return [
        _verdict(bucket, points[i], points[i - periods] if i >= periods else None, limit, relative)
        for i, bucket in enumerate(series.buckets)
    ]


def change(now: Point, before: Point, *, relative: bool) -> float | None:
    """The difference of two ratios, or their quotient less one; None where there is none.

    Computed over the common denominator, so that whole counts give the correctly rounded result:
    a fall of exactly 15 % is not beyond 15 %.
    """
    top, bottom = _side(now.denominator), _side(before.denominator)
    difference = now.numerator * bottom - before.numerator * top
    divisor = before.numerator * top if relative else top * bottom
    return finite(difference / divisor) if divisor else None


def _verdict(
    bucket: date,
    now: Point | None,
    before: Point | None,
    limit: Limit,
    relative: bool,
) -> Verdict:
    if now is None or before is None or now.value is None or before.value is None:
        return Verdict(bucket, "no_data", None, now)
    value = change(now, before, relative=relative)
    if value is None:
        return Verdict(bucket, "no_data", None, now, before.value)
    if not (limit.enough(now) and limit.enough(before)):
        return Verdict(bucket, "too_few", value, now, before.value)
    return Verdict(bucket, limit.judge(value), value, now, before.value)


def _side(denominator: float | None) -> float:
    return 1.0 if denominator is None else denominator
