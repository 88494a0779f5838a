"""A metric against a fixed bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors.series import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from alerts.detectors.series import Bucket, Limit, Series


def judge(series: Series, limit: Limit) -> list[Verdict]:
    """A verdict for each bucket of the series."""
    return list(_verdicts(series, limit))


def _verdicts(series: Series, limit: Limit) -> Iterator[Verdict]:
    for bucket, point in zip(series.buckets, series.points, strict=True):
        yield _verdict(bucket, point, limit)


def _verdict(bucket: date, point: Bucket | None, limit: Limit) -> Verdict:
    value = point.value if point is not None else None
    if point is None or value is None:
        return Verdict(bucket, "no_data", None, point)
    if not limit.enough(point):
        return Verdict(bucket, "too_few", value, point)
    return Verdict(bucket, limit.judge(value), value, point)
