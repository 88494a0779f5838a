"""How long there has been nothing new: by the clock for loads, in data time for rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from alerts.detectors.sentences import number, shown
from alerts.detectors.series import Examined, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from alerts.detectors.series import Limit, Series


@dataclass(frozen=True, slots=True)
class Age(Examined):
    """How long ago the newest load or row was.

    Attributes:
        seconds: Between it and the bucket that is judged.
        newest: The moment of the load, or the bucket of the row.
        what: Which of the two it is.
    """

    seconds: float
    newest: date
    what: str

    @property
    def value(self) -> float:
        """The age in seconds."""
        return self.seconds

    @property
    def denominator(self) -> None:
        """Nothing was counted."""
        return

    def sentence(self, verdict: Verdict, limit: Limit) -> str:
        """Since when there is nothing new, and how long there may be."""
        allowed = f"{limit.operator} {number(limit.bound, 'duration')}"
        if verdict.outcome != "breach":
            return f"newest {self.what} {shown(self.newest)}: not {allowed} ago"
        lasted = number(self.seconds, "duration")
        return f"no {self.what} since {shown(self.newest)}: {lasted} {allowed}"


def judge(series: Series, limit: Limit, step: timedelta) -> list[Verdict]:
    """A verdict for each bucket; its value is the time since the newest bucket with a row, in s.

    A bucket with a row is 0 seconds old, the first one without it a bucket's length. Before the
    first row nothing is known.
    """
    verdicts: list[Verdict] = []
    newest: int | None = None
    for place, (bucket, point) in enumerate(zip(series.buckets, series.points, strict=True)):
        if point is not None:
            newest = place
        if newest is None:
            verdicts.append(Verdict(bucket, "no_data", None, None))
            continue
        age = Age((place - newest) * step.total_seconds(), series.buckets[newest], "row")
        verdicts.append(Verdict(bucket, limit.judge(age.seconds), age.seconds, age))
    return verdicts


def judge_loads(loads: Sequence[datetime], clock: datetime, limit: Limit) -> list[Verdict]:
    """What the moments of loads say, oldest first, and the clock.

    Between two loads, and after the last one, the age is a breach from the moment on at which it
    passes the bound: that moment is the bucket of the verdict, and stays the same at every later
    evaluation. No load is later than the clock.
    """
    verdicts: list[Verdict] = []
    known = sorted(loads)
    for load, following in zip(known, [*known[1:], clock], strict=bool(known)):
        verdicts.append(_verdict(load, load, limit))
        late = load + timedelta(seconds=limit.bound)
        if limit.breached((following - load).total_seconds()) and late < clock:
            verdicts.append(_verdict(late, load, limit)._replace(outcome="breach"))
    if known and known[-1] < clock:
        verdicts.append(_verdict(clock, known[-1], limit))
    return verdicts


def _verdict(bucket: datetime, load: datetime, limit: Limit) -> Verdict:
    age = (bucket - load).total_seconds()
    return Verdict(bucket, limit.judge(age), age, Age(age, load, "load"))
