"""When success is decided: on day N, once; each later look would be another chance to be wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alerts.experiments.evidence import ArmUsers, Evidence, Plan
    from alerts.experiments.guardrail_file import Settings

# Of the playbook: two full weeks.
MIN_DURATION_DAYS = 14.0
# What the confidence sequences are tuned for where nobody planned a number. Any number that was
# fixed beforehand keeps them valid; a wrong one makes them a little wider.
TUNING_USERS = 10_000
# Over so many days the pace of new users is measured.
_RECENT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Schedule:
    """How far an experiment has come on its way to the decision.

    Attributes:
        since: The first day of the users who decide: that of the last change of weights.
        full_days: Days since then, both ends included, that are over.
        min_days: Before which nothing is decided.
        users: Exposed users who decide, all arms.
        horizon_users: Planned number of them; None for none.
        users_per_day: New ones, over the last seven days.
        decided_on: Day N; None while it is to come.
        expected_on: When it is to be expected; None where it has come, or nobody comes any more.
    """

    since: date
    full_days: int
    min_days: float
    users: int
    horizon_users: float | None
    users_per_day: float
    decided_on: date | None
    expected_on: date | None

    @property
    def is_reached(self) -> bool:
        """Whether day N has come."""
        return self.decided_on is not None

    @property
    def day_n(self) -> int | None:
        """Day N as a number, 1 being the first day; None where it cannot be foreseen."""
        day = self.decided_on or self.expected_on
        return None if day is None else (day - self.since).days + 1


def schedule(
    plan: Plan, users: Sequence[ArmUsers], day: date, default_days: float, *, is_whole: bool
) -> Schedule | None:
    """The schedule at the end of a day, from the users up to it; None before any are counted.

    Day N is the first one on which the minimal duration is over since the last change of weights,
    and the planned users are exposed. A day counts once it is over.

    Args:
        plan: Of the experiment.
        users: By day, arm and weight period, up to `day`.
        day: The newest day.
        default_days: Minimal duration where the plan has none.
        is_whole: Whether `day` is over.
    """
    period = max((row.weight_period for row in users if row.day == day), default=None)
    if period is None:
        return None
    exposed: dict[date, int] = {}
    for row in users:
        if row.weight_period == period:
            exposed[row.day] = exposed.get(row.day, 0) + row.exposed_users
    since = min(exposed)
    min_days = default_days if plan.min_duration_days is None else plan.min_duration_days
    wanted = plan.horizon_users or 0
    earliest = since + timedelta(days=max(1, math.ceil(min_days)) - 1)
    over = [one for one in sorted(exposed) if one < day or is_whole]
    decided = next((one for one in over if one >= earliest and exposed[one] >= wanted), None)
    pace = _pace(exposed, day)
    expected = None if decided else _expected(exposed[day], wanted, pace, day, earliest)
    return Schedule(
        since=since,
        full_days=len(over),
        min_days=min_days,
        users=exposed[day],
        horizon_users=plan.horizon_users,
        users_per_day=pace,
        decided_on=decided,
        expected_on=expected,
    )


def schedule_of(evidence: Evidence, settings: Settings) -> Schedule | None:
    """The schedule on the day of the evidence; None before there are users."""
    if evidence.day is None:
        return None
    return schedule(
        evidence.plan,
        evidence.users,
        evidence.day,
        settings.min_duration_days or MIN_DURATION_DAYS,
        is_whole=evidence.is_whole,
    )


def day_of_decision(
    plan: Plan, users: Sequence[ArmUsers], day: date, default_days: float, *, is_whole: bool
) -> date | None:
    """Day N, if it has come by `day`."""
    found = schedule(plan, users, day, default_days, is_whole=is_whole)
    return None if found is None else found.decided_on


def _pace(exposed: Mapping[date, int], day: date) -> float:
    """New users a day, over the last days before `day`, which may not be over."""
    last = day - timedelta(days=1) if len(exposed) > 1 else day
    first = max(min(exposed), last - timedelta(days=_RECENT_DAYS))
    days = (last - first).days
    if days < 1:
        return float(exposed[last])
    return max(0.0, (exposed[last] - exposed.get(first, 0)) / days)


def _expected(users: int, wanted: float, pace: float, day: date, earliest: date) -> date | None:
    if users >= wanted:
        return max(earliest, day)
    if pace <= 0 or (wanted - users) / pace > 3650:
        return None
    return max(earliest, day + timedelta(days=math.ceil((wanted - users) / pace)))
