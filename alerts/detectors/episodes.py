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
    """A run while it grows: what counts towards firing, and from then on the run itself."""

    def __init__(self, needed: int, limit: Limit, within: int | None) -> None:
        self.needed = max(needed, 1)
        self.limit = limit
        self.within = within
        self.counted: deque[tuple[int, date, float]] = deque()
        self.fired: Run | None = None

    def add(self, place: int, bucket: date, value: float) -> None:
        """One more breach, at a place among the buckets."""
        if self.fired is not None:
            self.fired = replace(
                self.fired,
                last=bucket,
                breaches=self.fired.breaches + 1,
                worst=self.limit.worse(self.fired.worst, value),
            )
            return
        self.counted.append((place, bucket, value))
        while self.within is not None and place - self.counted[0][0] >= self.within:
            self.counted.popleft()
        if len(self.counted) >= self.needed:
            self.fired = replace(self.run(), fired=bucket)

    def run(self) -> Run:
        """The run as it stands, open."""
        if self.fired is not None:
            return self.fired
        worst = self.counted[0][2]
        for _, _, value in self.counted:
            worst = self.limit.worse(worst, value)
        first, last = self.counted[0][1], self.counted[-1][1]
        return Run(first, last, len(self.counted), worst, None, open=True)


def _trail(verdicts: Sequence[Verdict]) -> date:
    """The first of the equal outcomes that the verdicts end with."""
    since = verdicts[-1].bucket
    for verdict in reversed(verdicts):
        if verdict.outcome != verdicts[-1].outcome:
            break
        since = verdict.bucket
    return since
