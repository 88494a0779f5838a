"""From verdicts to episodes: how long a breach lasted, when it fired, and what holds now.

A bucket that cannot be judged (`no_data`, `too_few`) is not fine and not a breach: it neither
ends a run of breaches nor counts towards it. Only an `ok` bucket ends a run.
"""

from __future__ import annotations

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


def runs(verdicts: Sequence[Verdict], needed: int, limit: Limit) -> list[Run]:
    """Every run of breaches, oldest first; only the last can be open."""
    found: list[Run] = []
    current: Run | None = None
    for verdict in verdicts:
        if verdict.outcome == "breach" and verdict.value is not None:
            current = _extend(current, verdict.bucket, verdict.value, needed, limit)
        elif verdict.outcome == "ok" and current is not None:
            found.append(replace(current, open=False))
            current = None
    if current is not None:
        found.append(current)
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


def _extend(current: Run | None, bucket: date, value: float, needed: int, limit: Limit) -> Run:
    if current is None:
        return Run(bucket, bucket, 1, value, bucket if needed <= 1 else None, open=True)
    breaches = current.breaches + 1
    return Run(
        first=current.first,
        last=bucket,
        breaches=breaches,
        worst=limit.worse(current.worst, value),
        fired=bucket if breaches == needed else current.fired,
        open=True,
    )


def _trail(verdicts: Sequence[Verdict]) -> date:
    """The first of the equal outcomes that the verdicts end with."""
    since = verdicts[-1].bucket
    for verdict in reversed(verdicts):
        if verdict.outcome != verdicts[-1].outcome:
            break
        since = verdict.bucket
    return since
