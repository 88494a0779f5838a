"""Each treatment against control, on each metric: every figure that a readout shows of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from alerts.experiments.comparison import NO_CONTROL, NO_TREATMENT
from alerts.experiments.cuped import Cuped, cuped
from alerts.experiments.estimates import estimate
from alerts.experiments.evidence import PERIOD
from alerts.experiments.families import holm
from alerts.experiments.horizon import TUNING_USERS
from alerts.experiments.poststratify import Poststratified, poststratify
from alerts.experiments.proportions import Counts, two_proportions
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.sequential import confidence_sequence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.experiments.evidence import ByArm, Evidence, PlanMetric
    from alerts.experiments.horizon import Schedule
    from alerts.experiments.moments import Moments
    from alerts.experiments.sequential import Anytime

# Below it the normal distribution is no approximation, of clicks as of revenue.
MINIMUM_USERS = 100
FEWER = Refusal(f"fewer than {MINIMUM_USERS} users")
ONE_DAY = Refusal("one day")
NOT_MEASURED = Refusal("not measured")
SEVERAL_PERIODS = Refusal("the weights changed: segments hold users of all weight periods")
STRATA = ("user_type", "device")


@dataclass(frozen=True, slots=True)
class ArmLevel:
    """A metric in one arm.

    Attributes:
        value: In the metric's unit; None without users or without denominator.
        users: Behind it.
    """

    value: float | None
    users: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A treatment arm against control on one metric, by the users who decide.

    Attributes:
        metric: As planned.
        arm: The treatment.
        control: Level of the control arm.
        treatment: Level of the treatment arm.
        plain: The fixed test without adjustment.
        cuped: With and without the users' own past; None where the experiment does not want it.
        deciding: The fixed test that counts: CUPED's where it applies, else the plain one.
        anytime: The confidence sequence around the deciding difference, valid at every look.
        impression_level: The z-test of impressions, which decides nothing; None if no proportion.
        by_period: All users, stratified by weight period; None where there is one period only.
        poststratified: By segment type, all users.
        holm: The deciding p-value adjusted over arms × primary metrics; None if not primary.
        on_day_n: The deciding test on day N, where that was before the last day.
        holm_on_day_n: Its adjusted p-value.
    """

    metric: PlanMetric
    arm: str
    control: ArmLevel
    treatment: ArmLevel
    plain: Estimate | Refusal
    cuped: Cuped | Refusal | None
    deciding: Estimate | Refusal
    anytime: Anytime | Refusal
    impression_level: Estimate | Refusal | None = None
    by_period: Estimate | Refusal | None = None
    poststratified: tuple[tuple[str, Poststratified | Refusal], ...] = ()
    holm: float | None = None
    on_day_n: Estimate | Refusal | None = None
    holm_on_day_n: float | None = None

    @property
    def at_every_look(self) -> Literal["better", "worse"] | None:
        """What the confidence sequence is sure of, at all looks together; None where of neither."""
        if isinstance(self.anytime, Refusal):
            return None
        low, high = self.anytime.interval.low, self.anytime.interval.high
        if low is None or high is None or low <= 0 <= high:
            return None
        return "better" if (low > 0) == (self.metric.direction != "lower_is_better") else "worse"


@dataclass(frozen=True, slots=True)
class Way:
    """How metrics are compared.

    Attributes:
        alpha: Two-sided, of every interval.
        adjust: Whether CUPED's estimate decides.
        schedule: Of the experiment.
    """

    alpha: float
    adjust: bool
    schedule: Schedule


def compare_all(evidence: Evidence, way: Way) -> tuple[Comparison, ...]:
    """Every metric of the plan that is measured, against every treatment; primaries first."""
    order = ("primary", "secondary", "guardrail")
    metrics = sorted(
        (metric for metric in evidence.plan.metrics if metric.is_measured),
        key=lambda metric: (order.index(metric.role), metric.metric),
    )
    treatments = evidence.treatments
    family = len(treatments) * sum(metric.role == "primary" for metric in metrics)
    listed = [
        _compare(evidence, way, metric, arm, family) for metric in metrics for arm in treatments
    ]
    return _adjusted(listed)


def level_of(moments: Moments | None, metric: PlanMetric) -> ArmLevel:
    """A metric in one arm."""
    if moments is None or not moments.users:
        return ArmLevel(None, 0)
    below = moments.users if metric.kind == "mean" else moments.sum_d
    return ArmLevel(float(moments.sum_m / below) if below else None, moments.users)


def few(control: Moments | None, treatment: Moments | None) -> Refusal | None:
    """Why two arms cannot be compared: one is missing, or has too few users."""
    if control is None or not control.users:
        return NO_CONTROL
    if treatment is None or not treatment.users:
        return NO_TREATMENT
    return FEWER if min(control.users, treatment.users) < MINIMUM_USERS else None


def pair_horizon(evidence: Evidence, arm: str) -> int:
    """The planned users of control and one treatment together, for which sequences are tuned."""
    weights, control = evidence.weights, evidence.plan.control
    both = weights.get(arm, 0.0) + weights.get(control or "", 0.0)
    planned = evidence.plan.horizon_users or TUNING_USERS
    return max(1, round(planned * (both or 1.0)))


def _compare(evidence: Evidence, way: Way, metric: PlanMetric, arm: str, family: int) -> Comparison:
    by_arm = evidence.deciding(metric.metric)
    control, treatment = by_arm.get(evidence.plan.control or ""), by_arm.get(arm)
    adjusted, deciding = _deciding(metric, control, treatment, way)
    plain = few(control, treatment) or estimate(
        metric.test_kind, control, treatment, alpha=way.alpha
    )
    alone = evidence.day == way.schedule.since
    primary = metric.role == "primary"
    return Comparison(
        metric=metric,
        arm=arm,
        control=level_of(control, metric),
        treatment=level_of(treatment, metric),
        plain=ONE_DAY if alone else plain,
        cuped=ONE_DAY if alone and adjusted else adjusted,
        deciding=ONE_DAY if alone else deciding,
        anytime=_anytime(deciding, way.alpha / (family if primary else 1), evidence, arm),
        impression_level=_impressions(metric, control, treatment, way.alpha),
        by_period=_by_period(evidence, metric, arm, way.alpha),
        poststratified=_poststratified(evidence, metric, arm, way.alpha) if primary else (),
        on_day_n=_on_day_n(evidence, metric, arm, way) if primary else None,
    )


def _deciding(
    metric: PlanMetric, control: Moments | None, treatment: Moments | None, way: Way
) -> tuple[Cuped | Refusal | None, Estimate | Refusal]:
    """CUPED's answer, and the estimate that counts."""
    refusal = few(control, treatment)
    if refusal is not None:
        return (refusal if way.adjust else None), refusal
    kind = metric.test_kind
    if not way.adjust:
        return None, estimate(kind, control, treatment, alpha=way.alpha)
    found = cuped(kind, control, treatment, alpha=way.alpha)
    if isinstance(found, Refusal):
        return found, found
    adjusted = found.adjusted
    return found, found.unadjusted if isinstance(adjusted, Refusal) else adjusted


def _anytime(
    deciding: Estimate | Refusal, alpha: float, evidence: Evidence, arm: str
) -> Anytime | Refusal:
    if isinstance(deciding, Refusal):
        return deciding
    return confidence_sequence(
        deciding.difference,
        deciding.std_error,
        deciding.users,
        horizon_users=pair_horizon(evidence, arm),
        alpha=alpha,
    )


def _impressions(
    metric: PlanMetric, control: Moments | None, treatment: Moments | None, alpha: float
) -> Estimate | Refusal | None:
    if metric.kind != "proportion":
        return None
    counts = [
        Counts(int(arm.sum_m), int(arm.sum_d)) if arm else None for arm in (control, treatment)
    ]
    return two_proportions(*counts, alpha=alpha)


def _by_period(
    evidence: Evidence, metric: PlanMetric, arm: str, alpha: float
) -> Estimate | Refusal | None:
    """The whole experiment, each user compared with those assigned by the same weights."""
    periods = evidence.segments(metric.metric, PERIOD)
    if len(periods) < 2:
        return None
    found = _stratified(evidence, metric, arm, periods, alpha)
    return found if isinstance(found, Refusal) else found.adjusted


def _poststratified(
    evidence: Evidence, metric: PlanMetric, arm: str, alpha: float
) -> tuple[tuple[str, Poststratified | Refusal], ...]:
    several = len(evidence.segments(metric.metric, PERIOD)) > 1
    found: list[tuple[str, Poststratified | Refusal]] = []
    for segment_type in STRATA:
        segments = evidence.segments(metric.metric, segment_type)
        if len(segments) > 1:
            answer = (
                SEVERAL_PERIODS if several else _stratified(evidence, metric, arm, segments, alpha)
            )
            found.append((segment_type, answer))
    return tuple(found)


def _stratified(
    evidence: Evidence,
    metric: PlanMetric,
    arm: str,
    segments: Mapping[str, ByArm],
    alpha: float,
) -> Poststratified | Refusal:
    whole = evidence.whole(metric.metric)
    control = evidence.plan.control or ""
    refusal = few(whole.get(control), whole.get(arm))
    if refusal is not None:
        return refusal
    one, other = (
        {name: by_arm[key] for name, by_arm in segments.items() if key in by_arm}
        for key in (control, arm)
    )
    return poststratify(metric.test_kind, one, other, alpha=alpha)


def _on_day_n(
    evidence: Evidence, metric: PlanMetric, arm: str, way: Way
) -> Estimate | Refusal | None:
    if evidence.horizon is None:
        return None
    by_arm = evidence.deciding(metric.metric, at_horizon=True)
    control, treatment = by_arm.get(evidence.plan.control or ""), by_arm.get(arm)
    return _deciding(metric, control, treatment, way)[1]


def _adjusted(listed: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """With Holm's p-values over arms × primary metrics."""
    primary = [one for one in listed if one.metric.role == "primary"]
    now = holm([p_of(one.deciding) for one in primary])
    then = holm([p_of(one.on_day_n) for one in primary])
    done = [
        replace(one, holm=today, holm_on_day_n=earlier)
        for one, today, earlier in zip(primary, now, then, strict=True)
    ]
    return (*done, *(one for one in listed if one.metric.role != "primary"))


def p_of(answer: Estimate | Refusal | None) -> float | None:
    """The p-value, where there is a test."""
    return answer.p_value if isinstance(answer, Estimate) else None
