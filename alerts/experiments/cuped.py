"""CUPED: the part of a metric that users' own past predicts is taken out of the comparison.

Deng, Xu, Kohavi and Walker 2013, Improving the Sensitivity of Online Controlled Experiments by
Utilizing Pre-Experiment Data, WSDM.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, sqrt
from typing import TYPE_CHECKING

from alerts.experiments.comparison import (
    OUT_OF_RANGE,
    Method,
    Scatter,
    arms,
    compare,
)
from alerts.experiments.estimates import estimate
from alerts.experiments.moments import ZERO
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.values import Value, Values, covariates, level, outcomes

if TYPE_CHECKING:
    from fractions import Fraction

    from alerts.experiments.comparison import Arms
    from alerts.experiments.moments import Moments
    from alerts.experiments.values import Kind

CONSTANT_COVARIATE = Refusal("constant covariate")


@dataclass(frozen=True, slots=True)
class Cuped:
    """Both estimates, and what the adjustment did.

    Attributes:
        unadjusted: Without the covariate.
        adjusted: With it; or why there is no adjustment, so that the unadjusted one counts.
        theta: What one unit of the covariate is worth in units of the metric; None without
            adjustment, as are the two below.
        correlation: Of metric and covariate over the users of both arms, −1 to 1.
        variance_cut: The share of the variance of the difference that is gone; 0.4 is 40 % less.
            Below 0 in the rare case that the adjustment made it larger.
    """

    unadjusted: Estimate
    adjusted: Estimate | Refusal
    theta: float | None = None
    correlation: float | None = None
    variance_cut: float | None = None


def cuped(
    kind: Kind, control: Moments | None, treatment: Moments | None, *, alpha: float = 0.05
) -> Cuped | Refusal:
    """The comparison with and without the users' own past.

    Y − θ (X − X̄) takes the metric's place, with θ = Cov(Y, X) / Var(X) and X̄ over the users of
    both arms as one group, the difference between the arms included; each treatment arm has a θ of
    its own with control. For a ratio Y is L = R + (m − R d) / d̄ with R and d̄ of the user's own arm,
    and X the same of p and q.

    The lift is of the adjusted levels. They share X̄, and its interval takes account of that.

    Args:
        kind: Of the metric, and of its covariate.
        control: Moments of the control arm; p and q before exposure.
        treatment: Moments of the treatment arm.
        alpha: Of the intervals.

    Returns:
        Figures in the metric's unit, method `cuped`, Student's t for means and the normal for
        ratios. Where the adjustment cannot be made, `adjusted` says why: `constant covariate`,
        `zero denominator before exposure`, `zero variance`, `numbers too large`. A refusal in place
        of it all where the unadjusted test is refused.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    method = Method("cuped", student=kind == "mean", alpha=alpha)
    both = arms(control, treatment)
    if isinstance(both, Refusal):
        return both
    unadjusted = estimate(kind, both.control, both.treatment, alpha=alpha)
    if isinstance(unadjusted, Refusal):
        return unadjusted
    y, x = outcomes(kind, both), covariates(kind, both)
    if isinstance(y, Refusal):
        return y
    if isinstance(x, Refusal):
        return Cuped(unadjusted, x)
    try:
        return _cuped(both, y, x, unadjusted, method)
    except OverflowError:  # from a fraction that no float can hold
        return Cuped(unadjusted, OUT_OF_RANGE)


def _cuped(both: Arms, y: Values, x: Values, unadjusted: Estimate, method: Method) -> Cuped:
    # A covariate that differs only between the arms would explain the effect away.
    if not (_variance(both.control, x.control) or _variance(both.treatment, x.treatment)):
        return Cuped(unadjusted, CONSTANT_COVARIATE)
    covariance, before = _covariance(both, y, x), _covariance(both, x, x)
    theta = covariance / before
    rest = _rest(both, y, x, theta)
    control, treatment = level(both.control, rest.control), level(both.treatment, rest.treatment)
    scatter = _scatter(both, rest, x, theta)
    adjusted = compare(control, treatment, method, both.users, scatter)
    if isinstance(adjusted, Refusal):
        return Cuped(unadjusted, adjusted)
    squared = float(covariance * covariance / (before * _covariance(both, y, y)))
    return Cuped(
        unadjusted=unadjusted,
        adjusted=adjusted,
        theta=float(theta),
        correlation=copysign(sqrt(squared), covariance),
        variance_cut=1 - (adjusted.std_error / unadjusted.std_error) ** 2,
    )


def _covariance(both: Arms, one: Values, other: Values) -> Fraction:
    """Covariance over the users of both arms as one group: within the arms, and between them."""
    control, treatment = both.control, both.treatment
    within = (control.users - 1) * control.weighted_covariance(
        one.control.weights, other.control.weights
    ) + (treatment.users - 1) * treatment.weighted_covariance(
        one.treatment.weights, other.treatment.weights
    )
    apart = (one.treatment.mean - one.control.mean) * (other.treatment.mean - other.control.mean)
    between = apart * control.users * treatment.users / both.users
    return (within + between) / both.users


def _variance(arm: Moments, value: Value) -> Fraction:
    return arm.weighted_covariance(value.weights, value.weights)


def _rest(both: Arms, y: Values, x: Values, theta: Fraction) -> Values:
    """Y − θ (X − X̄)."""
    control, treatment = both.control.users, both.treatment.users
    centre = (control * x.control.mean + treatment * x.treatment.mean) / both.users
    return Values(
        *(
            Value(
                one.mean - theta * (other.mean - centre),
                one.weights + tuple((total, -theta * weight) for total, weight in other.weights),
            )
            for one, other in zip(y, x, strict=True)
        )
    )


def _scatter(both: Arms, rest: Values, x: Values, theta: Fraction) -> Scatter:
    """Variances and covariance of the adjusted levels: each is that of Y − θ X, plus θ X̄.

    With s = n / N the share of an arm in the users, Var(θ X̄) = θ² Σ s² Var(X) / n, and the
    covariance of an arm's Y − θ X with θ X̄ is θ s Cov(Y − θ X, X) / n.
    """
    own, shared, common = [], [], ZERO
    for arm, value, before in zip((both.control, both.treatment), rest, x, strict=True):
        part = theta * arm.users / both.users
        own.append(_variance(arm, value) / arm.users)
        shared.append(part * arm.weighted_covariance(value.weights, before.weights) / arm.users)
        common += part * part * _variance(arm, before) / arm.users
    return Scatter(
        control=own[0] + 2 * shared[0] + common,
        treatment=own[1] + 2 * shared[1] + common,
        covariance=shared[0] + shared[1] + common,
    )
