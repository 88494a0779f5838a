"""The longest run of requests with a count of 0 that touches a day, days joined at midnight.

A day keeps four counts: requests, those with a count of 0, the longest run of them, and the run
that the day ends with. A day on which every request has a count of 0 continues the run before it,
and its length is known: all its requests. On another day the run from before ends in the zeros
that the day begins with, whose number the counts bound but do not always give. So the result is
exact, or two bounds: both are attained by some order of requests with these counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors.series import Verdict, Zeros, finite, unjudged

if TYPE_CHECKING:
    from datetime import date

    from alerts.detectors.series import Limit, Series


def judge(series: Series, limit: Limit) -> list[Verdict]:
    """A verdict for each day, of a limit from below (`>` or `>=`).

    A day that the bounds leave in doubt is `too_few`, never fine. A day without a row had no
    request: it neither ends a run nor adds to it. Where a count is null, runs begin anew.
    """
    verdicts: list[Verdict] = []
    carried = 0.0
    for bucket, day in zip(series.buckets, series.points, strict=True):
        if day is None:
            verdicts.append(unjudged(bucket, None))
        elif not isinstance(day, Zeros) or not _known(day):
            verdicts.append(unjudged(bucket, day))
            carried = 0.0
        else:
            least, most = longest(day, carried)
            verdicts.append(_verdict(bucket, day, least, most, limit))
            carried = day.requests + carried if day.requests == day.zeros else day.trailing
    return verdicts


def longest(day: Zeros, carried: float) -> tuple[float, float]:
    """The least and the greatest that the longest run on a day can be.

    `carried` is the length of the run that the day before ended with. Where it ended at midnight,
    it is no run of this day.
    """
    if day.requests == day.zeros:
        both = carried + day.requests
        return both, both
    if not carried:
        return day.longest, day.longest
    # Between two requests with a count above 0 no run is longer than the longest: what these
    # places cannot hold stands at the beginning.
    inside = (day.requests - day.zeros - 1) * day.longest
    leading = (
        max(0.0, day.zeros - day.trailing - inside),
        min(day.longest, day.zeros - day.trailing),
    )
    least, most = (max(carried + one, day.longest) if one else day.longest for one in leading)
    return least, most


def _verdict(bucket: date, day: Zeros, least: float, most: float, limit: Limit) -> Verdict:
    bound = None if most == least else most
    if not limit.enough(day):
        return Verdict(bucket, "too_few", least, day, most=bound)
    if limit.judge(least) == limit.judge(most):
        return Verdict(bucket, limit.judge(least), least, day, most=bound)
    return Verdict(bucket, "too_few", least, day, most=bound)


def _known(day: Zeros) -> bool:
    counts = (day.longest, day.trailing, day.zeros, day.requests)
    return all(finite(one) is not None for one in counts)
