"""With which time before it an alert is compared, to see what moved its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.detectors.sentences import shown
from alerts.rules import Drop, WeekOverWeek
from alerts.rules.expressions import format_duration
from alerts.rules.marts import DAY, MARTS, WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, timedelta

    from alerts.rules import Rule

# Of an episode that has lasted for longer only the newest buckets are explained.
MOST_BUCKETS = 28


@dataclass(frozen=True)
class Earlier:
    """Buckets to compare with, and what they are in words."""

    text: str
    buckets: tuple[date, ...]


@dataclass(frozen=True)
class Timing:
    """The buckets that breach, and with which to compare them: the first choice first."""

    now: tuple[date, ...]
    earlier: tuple[Earlier, ...]


def timing(rule: Rule, since: date, bucket: date) -> Timing:
    """What to compare the buckets from `since` to `bucket` with.

    A change over a week with the week before, a drop with its baseline. Anything else with the
    same weekdays (of hours, the same hours of the week) of the four weeks before it began; where
    the mart does not hold them, with the same time of the seven days before.
    """
    step = MARTS[rule.mart].bucket
    if isinstance(rule, WeekOverWeek):
        return Timing((bucket,), (Earlier("against the week before", (bucket - WEEK,)),))
    now = _between(since, bucket, step)
    if isinstance(rule, Drop):
        length = rule.baseline // step
        before = tuple(since - n * step for n in range(length, 0, -1))
        text = f"against the {format_duration(rule.baseline)} before"
        return Timing(now, (Earlier(_from(since, now) + text, before),))
    weeks = Earlier(_from(since, now) + _weeks(step, now), _back(now, since, WEEK, 4))
    if step >= WEEK:
        return Timing(now, (weeks,))
    return Timing(now, (weeks, Earlier(_from(since, now) + _days(step), _back(now, since, DAY, 7))))


def _between(first: date, last: date, step: timedelta) -> tuple[date, ...]:
    """The newest buckets of a stretch, oldest first."""
    count = min((last - first) // step, MOST_BUCKETS - 1) + 1
    return tuple(last - n * step for n in range(count - 1, -1, -1))


def _back(now: Sequence[date], since: date, step: timedelta, times: int) -> tuple[date, ...]:
    """Of each bucket the last so many that lie whole steps before it and before the episode."""
    found: set[date] = set()
    for bucket in now:
        # How many steps it takes to leave the episode.
        skipped = max(0, (bucket - since) // step)
        found |= {bucket - n * step for n in range(skipped + 1, skipped + times + 1)}
    return tuple(sorted(found))


def _from(since: date, now: Sequence[date]) -> str:
    return f"since {shown(max(since, now[0]))} " if len(now) > 1 else ""


def _weeks(step: timedelta, now: Sequence[date]) -> str:
    if step >= WEEK:
        return "against the 4 weeks before"
    if step >= DAY:
        same = "weekday" if len(now) == 1 else "weekdays"
        return f"against the same {same} of the 4 weeks before"
    return "against the same time of the 4 weeks before"


def _days(step: timedelta) -> str:
    return "against the 7 days before" if step >= DAY else "against the same time of 7 days before"
