"""The whole decision about an experiment: from what the marts say to one recommendation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.experiments.comparisons import Comparison, Way, compare_all
from alerts.experiments.cuts import Cut, cut_all
from alerts.experiments.decision import Figures, Recommendation, recommend
from alerts.experiments.guards import Guard, guards
from alerts.experiments.horizon import Schedule, schedule_of
from alerts.experiments.judgements import Judged, judge_all
from alerts.experiments.looks import DailyLook, daily_looks
from alerts.experiments.power import (
    delta_variance,
    design_effect,
    metric_lift,
    metric_power,
    metric_users,
    proportion_users,
)
from alerts.experiments.results import Refusal
from alerts.experiments.validity import Problem, Split, problems, split_of

if TYPE_CHECKING:
    from datetime import date

    from alerts.experiments.evidence import Evidence, Plan, PlanMetric
    from alerts.experiments.guardrail_file import Settings
    from alerts.experiments.moments import Moments

# Of the experiment plan: what it hopes to find.
TARGET_LIFT = 0.03


@dataclass(frozen=True, slots=True)
class Power:
    """What an experiment can find in one primary metric, by the control arm's scatter.

    Attributes:
        metric: As planned.
        arm: The treatment.
        users: Users per arm, the harmonic mean of both.
        target_lift: Relative; what is looked for.
        power: Chance to find it with so many users.
        users_needed: Users per arm that find it with a power of 0.8.
        detectable_lift: The smallest lift found with a power of 0.8 by so many users.
        design_effect: Variance over that of independent events; None if no proportion.
        events_needed: Events per arm (of CTR: impressions), design effect included; None likewise.
    """

    metric: PlanMetric
    arm: str
    users: float
    target_lift: float
    power: float | Refusal
    users_needed: float | Refusal
    detectable_lift: float | Refusal
    design_effect: float | Refusal | None
    events_needed: float | Refusal | None


@dataclass(frozen=True, slots=True)
class Readout:
    """Everything there is to say of an experiment.

    Attributes:
        plan: As it stands.
        day: The last day counted; None before there is any.
        is_whole: Whether that day is over.
        alpha: Of intervals and decisions.
        adjust: Whether CUPED's estimate decides.
        evidence: What was read.
        arms: The treatments.
        period: The weight period whose users decide.
        split: Users by arm against the weights.
        problems: What is wrong, fatal ones first.
        schedule: How far it has come; None before there are users.
        power: Of every primary metric and arm.
        comparisons: Of every metric and arm, primaries first.
        guards: The guardrails it has.
        guardrails: Of every guardrail and arm.
        cuts: Of primary and secondary metrics.
        recommendation: What to do.
        looks: Each day of the users who decide; None where the evidence has no earlier days.
    """

    plan: Plan
    day: date | None
    is_whole: bool
    alpha: float
    adjust: bool
    evidence: Evidence
    arms: tuple[str, ...]
    period: int | None
    split: Split
    problems: tuple[Problem, ...]
    schedule: Schedule | None
    power: tuple[Power, ...]
    comparisons: tuple[Comparison, ...]
    guards: tuple[Guard, ...]
    guardrails: tuple[Judged, ...]
    cuts: tuple[Cut, ...]
    recommendation: Recommendation
    looks: tuple[DailyLook, ...] | None = None


def read_out(
    evidence: Evidence, settings: Settings, *, alpha: float = 0.05, lift: float = TARGET_LIFT
) -> Readout:
    """Reads an experiment.

    Args:
        evidence: What the marts say.
        settings: What the guardrail file says of this experiment.
        alpha: Two-sided; of the primary metrics as one family, of each interval by itself.
        lift: Relative; what the power is given for.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    plan, found = evidence.plan, schedule_of(evidence, settings)
    split = split_of(evidence)
    wrong = problems(evidence, split)
    adjust = settings.variance_reduction != "none"
    wanted = guards(plan, settings)
    comparisons: tuple[Comparison, ...] = ()
    judged: tuple[Judged, ...] = ()
    if found is not None:
        comparisons = compare_all(evidence, Way(alpha, adjust, found))
        judged = judge_all(evidence, wanted, alpha)
    looks = None
    if evidence.looks is not None:
        looks = daily_looks(evidence, settings, alpha=alpha, adjust=adjust)
    figures = Figures(wrong, comparisons, judged, found, alpha, has_ended(evidence))
    return Readout(
        plan=plan,
        day=evidence.day,
        is_whole=evidence.is_whole,
        alpha=alpha,
        adjust=adjust,
        evidence=evidence,
        arms=evidence.treatments,
        period=evidence.period,
        split=split,
        problems=wrong,
        schedule=found,
        power=_powers(evidence, alpha, lift) if found is not None else (),
        comparisons=comparisons,
        guards=wanted,
        guardrails=judged,
        cuts=cut_all(evidence, alpha) if found is not None else (),
        recommendation=recommend(figures),
        looks=looks,
    )


def has_ended(evidence: Evidence) -> bool:
    """Whether the experiment was over at the end of the day of the evidence."""
    plan = evidence.plan
    if plan.status != "completed" or evidence.day is None:
        return False
    return evidence.day == plan.last_day


def _powers(evidence: Evidence, alpha: float, lift: float) -> tuple[Power, ...]:
    found = []
    for metric in evidence.plan.of_role("primary"):
        by_arm = evidence.deciding(metric.metric)
        control = by_arm.get(evidence.plan.control or "")
        for arm in evidence.treatments:
            treatment = by_arm.get(arm)
            if control and treatment and control.users and treatment.users:
                found.append(_power(metric, arm, (control, treatment), alpha, lift))
    return tuple(found)


def _power(
    metric: PlanMetric, arm: str, pair: tuple[Moments, Moments], alpha: float, lift: float
) -> Power:
    control, treatment = pair
    users = 2 / (1 / control.users + 1 / treatment.users)
    variance = delta_variance(control)
    effect = design_effect(control) if metric.kind == "proportion" else None
    if isinstance(variance, Refusal):
        return Power(metric, arm, users, lift, variance, variance, variance, effect, effect)
    level = float(control.sum_m / control.sum_d)
    return Power(
        metric=metric,
        arm=arm,
        users=users,
        target_lift=lift,
        power=metric_power(level, variance, lift, users, alpha=alpha),
        users_needed=metric_users(level, variance, lift, alpha=alpha),
        detectable_lift=metric_lift(level, variance, users, alpha=alpha),
        design_effect=effect,
        events_needed=_events(level, lift, alpha, effect),
    )


def _events(
    rate: float, lift: float, alpha: float, effect: float | Refusal | None
) -> float | Refusal | None:
    if effect is None or isinstance(effect, Refusal):
        return effect
    if not (0 < rate < 1 and effect > 0):
        return Refusal("a rate of 0 or 1")
    return proportion_users(rate, lift, alpha=alpha, design_effect=effect)
