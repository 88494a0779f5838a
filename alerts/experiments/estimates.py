"""A treatment arm against control, unadjusted: Welch for means, the delta method for ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.experiments.comparison import Method, arms, compare
from alerts.experiments.results import Refusal
from alerts.experiments.values import level, outcomes

if TYPE_CHECKING:
    from alerts.experiments.moments import Moments
    from alerts.experiments.results import Estimate
    from alerts.experiments.values import Kind


def estimate(
    kind: Kind, control: Moments | None, treatment: Moments | None, *, alpha: float = 0.05
) -> Estimate | Refusal:
    """The comparison that fits the metric: `welch` for a mean per user, `delta` for a ratio.

    Args:
        kind: Of the metric.
        control: Moments of the control arm; None where there is no such arm.
        treatment: Moments of the treatment arm.
        alpha: Of the intervals.

    Returns:
        Figures in the metric's unit (m, or m per d), p-values from 0 to 1; or a refusal: `no
        control`, `no treatment`, `fewer than 2 users`, `zero denominator`, `zero variance`,
        `numbers too large`.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    name = "welch" if kind == "mean" else "delta"
    method = Method(name, student=kind == "mean", alpha=alpha)
    both = arms(control, treatment)
    if isinstance(both, Refusal):
        return both
    values = outcomes(kind, both)
    if isinstance(values, Refusal):
        return values
    control_level = level(both.control, values.control)
    return compare(control_level, level(both.treatment, values.treatment), method, both.users)


def welch(
    control: Moments | None, treatment: Moments | None, *, alpha: float = 0.05
) -> Estimate | Refusal:
    """Welch's t-test of two means per user; d is not looked at.

    Var(mean) = s² / n in each arm; Student's t with the degrees of freedom of Welch and
    Satterthwaite (Welch 1947, Biometrika 34, 28-35); the relative lift by Fieller with the same t.
    Arguments, units and refusals as in `estimate`.
    """
    return estimate("mean", control, treatment, alpha=alpha)


def delta(
    control: Moments | None, treatment: Moments | None, *, alpha: float = 0.05
) -> Estimate | Refusal:
    """The difference of two ratios R = Σm / Σd of users by the delta method.

    Var(R) = (s_m² − 2R s_md + R² s_d²) / (n d̄²) in each arm, normal distribution (Deng, Knoblich
    and Lu 2018, Applying the Delta Method in Metric Analytics, KDD); the relative lift by Fieller.
    Users are what was randomized, hence what varies: however the events of one user depend on each
    other, it holds. Arguments, units and refusals as in `estimate`.
    """
    return estimate("ratio", control, treatment, alpha=alpha)
