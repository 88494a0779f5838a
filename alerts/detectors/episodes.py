"""From verdicts to episodes: how long a breach lasted, when it fired, and what holds now.

A bucket that cannot be judged (`no_data`, `too_few`) is not fine and not a breach: it neither
ends a run of breaches nor counts towards it. Only an `ok` bucket ends a run. Where buckets are
short, though, breaches of last night must not make up the half hour of this morning: `within`
says how many buckets a breach counts for while its run has not fired.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.detectors.series import Limit, Verdict

State = Literal["firing", "pending", "ok", "no_data", "too_few"]


@dataclass(frozen=True)
class Run:
    """Consecutive breaches. `fired` is the bucket that made it long enough, None before that.

    `open` says that no `ok` bucket has come since.
    """

    first: date
    last: date
    breaches: int
    worst: float
    fired: date | None
    open: bool


@dataclass(frozen=True)
class Standing:
    """What holds at the newest bucket, since when, and the run it belongs to or holds."""

    state: State
    since: date | None
    verdict: Verdict | None
    run: Run | None = None


def runs(
    verdicts: Sequence[Verdict], needed: int, limit: Limit, within: int | None = None
) -> list[Run]:
    """Every run of breaches, oldest first; only the last can be open.

    A run fires at its `needed`-th breach, of the newest `within` buckets where that is given; older
    breaches of a run that has not fired are forgotten, as if they had never been.
    """
    found: list[Run] = []
    current: _Building | None = None
    for place, verdict in enumerate(verdicts):
        if verdict.outcome == "breach" and verdict.value is not None:
            if current is None:
                current = _Building(needed, limit, within)
            current.add(place, verdict.bucket, verdict.value)
        elif verdict.outcome == "ok" and current is not None:
            found.append(replace(current.run(), open=False))
            current = None
    if current is not None:
        found.append(current.run())
    return found


def standing(verdicts: Sequence[Verdict], found: Sequence[Run]) -> Standing:
    """What holds at the newest bucket, given the runs of the same verdicts."""
    if not verdicts:
        return Standing("no_data", None, None)
    newest = verdicts[-1]
    run = found[-1] if found and found[-1].open else None
    if newest.outcome == "breach" and run is not None:
        return Standing("firing" if run.fired else "pending", run.first, newest, run)
    if newest.outcome == "no_data":
        return Standing("no_data", _trail(verdicts), newest, run)
    if newest.outcome == "too_few":
        return Standing("too_few", _trail(verdicts), newest, run)
    return Standing("ok", None, newest)


class _Building:
    """A run while it grows: what counts towards firing, and what came after it fired."""

    def __init__(self, needed: int, limit: Limit, within: int | None) -> None:
        self.needed = max(needed, 1)
        self.limit = limit
        self.within = within
        self.counted: deque[tuple[int, date, float]] = deque()
        self.fired: date | None = None
        self.later = 0
        self.newest: tuple[date, float] | None = None

    def add(self, place: int, bucket: date, value: float) -> None:
        """One more breach, at a place among the buckets."""
        if self.fired is not None:
            worst = value if self.newest is None else self.limit.worse(self.newest[1], value)
            self.later, self.newest = self.later + 1, (bucket, worst)
            return
        self.counted.append((place, bucket, value))
        while self.within is not None and place - self.counted[0][0] >= self.within:
            self.counted.popleft()
        if len(self.counted) >= self.needed:
            self.fired = bucket

    def run(self) -> Run:
        """The run as it stands, open."""
        buckets = [(bucket, value) for _, bucket, value in self.counted]
        if self.newest is not None:
            buckets.append(self.newest)
        worst = buckets[0][1]
        for _, value in buckets:
            worst = self.limit.worse(worst, value)
        breaches = len(self.counted) + self.later
        return Run(buckets[0][0], buckets[-1][0], breaches, worst, self.fired, open=True)


def _trail(verdicts: Sequence[Verdict]) -> date:
    """The first of the equal outcomes that the verdicts end with."""
    since = verdicts[-1].bucket
    for verdict in reversed(verdicts):
        if verdict.outcome != verdicts[-1].outcome:
            break
        since = verdict.bucket
    return since
