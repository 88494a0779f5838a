"""The guardrails of an experiment, judged: by the fixed test on day N, and daily for pausing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.experiments.comparison import Arms
from alerts.experiments.comparisons import (
    MINIMUM_USERS,
    NOT_MEASURED,
    ArmLevel,
    few,
    level_of,
    pair_horizon,
)
from alerts.experiments.guardrails import Level, Watch, judge, pause
from alerts.experiments.results import Refusal
from alerts.experiments.values import level, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.experiments.evidence import ByArm, Evidence, PlanMetric
    from alerts.experiments.guardrails import Judgement, Pause
    from alerts.experiments.guards import Guard

NOTHING = ArmLevel(None, 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A guardrail in one treatment arm.

    Attributes:
        guard: Which.
        arm: The treatment.
        metric: What is judged, as planned; None where nothing measures it.
        control: Level of the control arm on the last day.
        treatment: Level of the treatment arm on the last day.
        judgement: The fixed test: on day N, or on the last day while day N is to come.
        pause: The confidence sequence on the last day, which may stop the experiment on any.
    """

    guard: Guard
    arm: str
    metric: PlanMetric | None
    control: ArmLevel
    treatment: ArmLevel
    judgement: Judgement | Refusal
    pause: Pause | Refusal


def judge_all(evidence: Evidence, wanted: Sequence[Guard], alpha: float) -> tuple[Judged, ...]:
    """Every guardrail in every treatment arm.

    By the plain estimate: what users did before is not taken out, as most guardrails have no past.
    """
    rules = sum(not isinstance(guard.rule, Refusal) for guard in wanted)
    count = rules * len(evidence.treatments)
    return tuple(
        _judged(evidence, guard, arm, count, alpha)
        for guard in wanted
        for arm in evidence.treatments
    )


def _judged(evidence: Evidence, guard: Guard, arm: str, count: int, alpha: float) -> Judged:
    metric, rule = evidence.plan.metric(guard.metric), guard.rule
    if isinstance(rule, Refusal) or metric is None:
        refusal = rule if isinstance(rule, Refusal) else NOT_MEASURED
        return Judged(guard, arm, metric, NOTHING, NOTHING, refusal, refusal)
    control = evidence.plan.control or ""
    now = evidence.deciding(guard.metric)
    levels = _levels(metric, now, control, arm)
    fixed = _levels(metric, evidence.deciding(guard.metric, at_horizon=True), control, arm)
    watch = Watch(count, pair_horizon(evidence, arm), MINIMUM_USERS)
    return Judged(
        guard=guard,
        arm=arm,
        metric=metric,
        control=level_of(now.get(control), metric),
        treatment=level_of(now.get(arm), metric),
        judgement=fixed if isinstance(fixed, Refusal) else judge(rule, *fixed, alpha=alpha),
        pause=levels if isinstance(levels, Refusal) else pause(rule, *levels, watch),
    )


def _levels(
    metric: PlanMetric, by_arm: ByArm, control: str, arm: str
) -> tuple[Level, Level] | Refusal:
    """Both levels with their errors, as guardrails take them."""
    pair = by_arm.get(control), by_arm.get(arm)
    refusal = few(*pair)
    if refusal is not None:
        return refusal
    both = Arms(*(one for one in pair if one is not None))
    values = outcomes(metric.test_kind, both)
    if isinstance(values, Refusal):
        return values
    found = []
    for moments, value in zip((both.control, both.treatment), values, strict=True):
        one = level(moments, value)
        found.append(Level(float(one.value), float(one.variance) ** 0.5, moments.users))
    return found[0], found[1]
