"""The change from one bucket, or several pooled, to another."""

from __future__ import annotations

from alerts.detectors.series import Bucket, Point, finite


def change(now: Bucket, before: Bucket, *, relative: bool) -> float | None:
    """The difference of two values, or their quotient less one; None where there is none.

    Computed over the common denominator, so that whole counts give the correctly rounded result:
    a fall of exactly 15 % is not beyond 15 %.
    """
    (upper, top), (lower, bottom) = sides(now), sides(before)
    difference = upper * bottom - lower * top
    divisor = lower * top if relative else top * bottom
    return finite(difference / divisor) if divisor else None


def sides(bucket: Bucket) -> tuple[float, float]:
    """What to sum over buckets, and to divide by, to get the value of all of them together.

    For a count and for what is read as it stands that is the mean over the buckets.
    """
    if isinstance(bucket, Point):
        return bucket.numerator, 1.0 if bucket.denominator is None else bucket.denominator
    value = bucket.value
    return (0.0 if value is None else value), 1.0
