"""An experiment as it was on each of its days: what daily looks at it would have said.

Nothing is reckoned here that a readout does not reckon: each day is compared by what compares the
last one, from the moments to the end of that day. So a day says what `--as-of` that day says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerts.experiments.comparisons import Comparison, Way, compare_all
from alerts.experiments.horizon import Schedule, schedule_of
from alerts.experiments.validity import Split, split_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from alerts.experiments.evidence import Evidence
    from alerts.experiments.guardrail_file import Settings


@dataclass(frozen=True, slots=True)
class DailyLook:
    """An experiment at the end of one day.

    Attributes:
        day: The day; it is counted with what came before it.
        schedule: How far the experiment had come, in full days and exposed users.
        split: Users by arm against the weights, all weight periods to that day.
        comparisons: Of every primary metric and arm, by the users who decide. Levels and
            differences are in the metric's unit, lifts relative. Of the fixed tests only that of
            day N counts; the confidence sequences hold on all days together (`sequential`).
    """

    day: date
    schedule: Schedule
    split: Split
    comparisons: tuple[Comparison, ...]

    @property
    def is_deciding(self) -> bool:
        """Whether it is day N, on which the fixed test counts."""
        return self.schedule.decided_on == self.day

    @property
    def is_early(self) -> bool:
        """Whether day N was still to come, so that fixed intervals are not valid."""
        return not self.schedule.is_reached


def daily_looks(
    evidence: Evidence, settings: Settings, *, alpha: float, adjust: bool
) -> tuple[DailyLook, ...]:
    """Every day since the start, or since the last change of weights, whose users decide.

    Args:
        evidence: Of the last day, with the moments of the earlier ones (`Evidence.looks`).
        settings: What the guardrail file says of this experiment.
        alpha: Two-sided; of each fixed interval by itself, of the sequences of primary metrics and
            arms together.
        adjust: Whether CUPED's estimate decides.
    """
    return tuple(
        look
        for day in evidence.exposed_by_day()
        for look in _look(_as_of(evidence, day), settings, alpha, adjust=adjust)
    )


def _look(
    evidence: Evidence, settings: Settings, alpha: float, *, adjust: bool
) -> Iterator[DailyLook]:
    found = schedule_of(evidence, settings)
    if evidence.day is not None and found is not None:
        compared = compare_all(evidence, Way(alpha, adjust, found))
        yield DailyLook(evidence.day, found, split_of(evidence), compared)


def _as_of(evidence: Evidence, day: date) -> Evidence:
    """The evidence as it was at the end of a day, of the primary metrics alone.

    The plan is as it stands now, as it is for a readout of an earlier day.
    """
    return replace(
        evidence,
        plan=replace(evidence.plan, metrics=evidence.plan.of_role("primary")),
        day=day,
        moments=(evidence.looks or {}).get(day, {}),
        users=tuple(row for row in evidence.users if row.day <= day),
        health=None,
        is_whole=evidence.is_whole or day != evidence.day,
        horizon=None,
        horizon_day=None,
        looks=None,
    )
