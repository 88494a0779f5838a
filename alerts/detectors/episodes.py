"""From verdicts to episodes: how long a breach lasted, when it fired, and what holds now.

A bucket that cannot be judged (`no_data`, `invalid`, `too_few`) is not fine and not a breach: it
neither ends a run of breaches nor counts towards it. Only `ok` buckets end a run, or a breach on
the other side where sides are told apart. Where buckets are short, though, breaches of last night
must not make up the half hour of this morning: `within` says how many buckets a breach counts for
while its run has not fired. A run that has fired can be asked to be fine for longer before it ends:
until then it recovers, and a breach is one of the same run.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.detectors.series import Limit, Verdict

State = Literal["firing", "pending", "recovering", "ok", "no_data", "invalid", "error", "too_few"]


@dataclass(frozen=True)
class Run:
    """Consecutive breaches. `fired` is the bucket that made it long enough, None before that.

    `open` says that it has not ended; `fine` how many `ok` buckets have come since its last
    breach. `ended` is the bucket that ended it.
    """

    first: date
    last: date
    breaches: int
    worst: float
    fired: date | None
    open: bool
    fine: int = 0
    ended: date | None = None


@dataclass(frozen=True)
class Standing:
    """What holds at the newest bucket, since when, and the run it belongs to or holds."""

    state: State
    since: date | None
    verdict: Verdict | None
    run: Run | None = None


def runs(
    verdicts: Sequence[Verdict],
    needed: int,
    limit: Limit,
    within: int | None = None,
    keep: int = 1,
) -> list[Run]:
    """Every run of breaches, oldest first; only the last can be open.

    A run fires at its `needed`-th breach, of the newest `within` buckets where that is given; older
    breaches of a run that has not fired are forgotten, as if they had never been. One that has
    fired ends at the `keep`-th `ok` bucket after its last breach, any other at the first.
    """
    found: list[Run] = []
    current: _Building | None = None
    for place, verdict in enumerate(verdicts):
        if verdict.outcome == "breach" and verdict.value is not None:
            if current is not None and current.side != verdict.side:
                found.append(current.ended(verdict.bucket))
                current = None
            if current is None:
                current = _Building(needed, limit, within, verdict.side)
            current.add(place, verdict.bucket, verdict.value)
        elif verdict.outcome == "ok" and current is not None:
            current.fine += 1
            if current.fired is None or current.fine >= keep:
                found.append(current.ended(verdict.bucket))
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
    match newest.outcome:
        case "breach" if run is not None:
            return Standing("firing" if run.fired else "pending", run.first, newest, run)
        case "ok" if run is not None:
            return Standing("recovering", run.first, newest, run)
        case "no_data" | "invalid" | "too_few" as state:
            return Standing(state, _trail(verdicts), newest, run)
        case _:
            return Standing("ok", None, newest)


class _Building:
    """A run while it grows: what counts towards firing, and what came after it fired."""

    def __init__(self, needed: int, limit: Limit, within: int | None, side: int) -> None:
        self.needed = max(needed, 1)
        self.limit = limit
        self.within = within
        self.side = side
        self.fine = 0
        self.counted: deque[tuple[int, date, float]] = deque()
        self.fired: date | None = None
        self.later = 0
        self.newest: tuple[date, float] | None = None

    def add(self, place: int, bucket: date, value: float) -> None:
        """One more breach, at a place among the buckets."""
        self.fine = 0
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
        return Run(
            first=buckets[0][0],
            last=buckets[-1][0],
            breaches=breaches,
            worst=worst,
            fired=self.fired,
            open=True,
            fine=self.fine,
        )

    def ended(self, bucket: date) -> Run:
        """The run as it stands, ended by a bucket."""
        return replace(self.run(), open=False, ended=bucket)


def _trail(verdicts: Sequence[Verdict]) -> date:
    """The first of the equal outcomes that the verdicts end with."""
    since = verdicts[-1].bucket
    for verdict in reversed(verdicts):
        if verdict.outcome != verdicts[-1].outcome:
            break
        since = verdict.bucket
    return since
