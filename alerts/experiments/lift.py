"""The relative difference of two levels, with Fieller's interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, isfinite, sqrt

from alerts.experiments.results import Interval, Lift

NOT_DISTINGUISHABLE = "control not distinguishable from 0"
NEGATIVE = "control below 0"
TOO_LARGE = "numbers too large"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two estimated levels in the metric's unit, and how far they scatter.

    Attributes:
        control: Level of the control arm.
        difference: Treatment − control.
        control_variance: Of the control arm's level.
        treatment_variance: Of the treatment arm's level.
        covariance: Of both levels; 0 unless something is estimated from both arms together.
        reach: Half the width of the interval of the difference.
    """

    control: float
    difference: float
    control_variance: float
    treatment_variance: float
    covariance: float
    reach: float


def fieller(pair: Pair, critical: float) -> Lift:
    """Treatment / control − 1, and all the values of it that the data do not contradict.

    A lift l is in the set where treatment − (1 + l) control is within `critical` of its own
    standard errors of 0 (Fieller 1954, Journal of the Royal Statistical Society B 16, 175-185):
    with D = treatment − control, k the critical value and K = Cov(D, control), where

        l² (control² − k² Var(control)) − 2 l (D control − k² K) + D² − k² Var(D) ≤ 0.

    At l = 0 this is the test of the absolute difference; the two agree. The set is an interval
    where control² > k² Var(control). Where not, it is unbounded, and is not given.

    A level below 0 has no percentage that reads as one: a lift of −50 % would be a gain. Then
    there is no value either.

    Args:
        pair: The levels; they may not both be free of scatter.
        critical: Of the absolute test, in standard errors, from Student's t or the normal.
    """
    control, difference = pair.control, pair.difference
    value = difference / control if control > 0 else None
    if value is not None and not isfinite(value):
        return Lift(None, Interval(None, None), TOO_LARGE)
    # All in units of control: revenues of 1e12 squared twice would be far from 1.
    by = control or 1.0
    spread = [
        variance / by / by
        for variance in (pair.control_variance, pair.treatment_variance, pair.covariance)
    ]
    k2 = critical * critical
    if control == 0 or k2 * spread[0] >= 1:
        return Lift(value, Interval(None, None), NOT_DISTINGUISHABLE)
    if value is None:
        return Lift(None, Interval(None, None), NEGATIVE)
    # (D − reach)(D + reach) has exactly the sign that the absolute interval shows.
    apart = abs(difference)
    constant = (apart - pair.reach) / control * ((apart + pair.reach) / control)
    low, high = _roots(value, constant, k2, spread)
    if not (isfinite(low) and isfinite(high)):
        return Lift(value, Interval(None, None), TOO_LARGE)
    return Lift(value, Interval(low, high))


def _roots(value: float, constant: float, k2: float, spread: list[float]) -> tuple[float, float]:
    """Both ends of Fieller's interval; all variances in units of control²."""
    control, treatment, covariance = spread
    leading = 1 - k2 * control
    middle = value - k2 * (covariance - control)
    ratio = 1 + value
    # middle² − leading × constant, with the difference of large squares taken out by hand.
    within = (
        treatment * leading
        + ratio * (control * ratio - 2 * covariance)
        + k2 * covariance * covariance
    )
    far = middle + copysign(sqrt(k2 * max(within, 0.0)), middle)
    # The usual formula would subtract nearly equal numbers for the end nearer to 0.
    ends = (far / leading, constant / far if far else 0.0)
    return min(ends), max(ends)
