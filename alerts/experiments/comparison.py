"""From the levels of two arms to an estimate: what all tests of ours have in common."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING

from alerts.experiments.distributions import critical, two_sided
from alerts.experiments.lift import TOO_LARGE, Pair, fieller
from alerts.experiments.results import Estimate, Interval, Refusal

if TYPE_CHECKING:
    from fractions import Fraction

    from alerts.experiments.moments import Moments

NO_CONTROL = Refusal("no control")
NO_TREATMENT = Refusal("no treatment")
ZERO_VARIANCE = Refusal("zero variance")
OUT_OF_RANGE = Refusal(TOO_LARGE)
# A variance needs two.
MINIMUM_USERS = 2


@dataclass(frozen=True, slots=True)
class Arms:
    """A treatment arm and the control arm it is compared with, each with users enough."""

    control: Moments
    treatment: Moments

    @property
    def users(self) -> int:
        """Users of both."""
        return self.control.users + self.treatment.users


@dataclass(frozen=True, slots=True)
class Level:
    """The level of a metric in one arm, estimated.

    Attributes:
        value: In the metric's unit.
        variances: Independent parts of the variance of `value`, each with the degrees of freedom
            it was estimated with: one part for an arm as a whole, one per stratum.
    """

    value: Fraction
    variances: tuple[tuple[Fraction, int], ...]

    @property
    def variance(self) -> Fraction:
        """Of the value."""
        return sum((part for part, _ in self.variances), start=0 * self.value)


@dataclass(frozen=True, slots=True)
class Scatter:
    """Variances and covariance of two levels where these are not independent.

    Attributes:
        control: Variance of the control arm's level.
        treatment: Variance of the treatment arm's level.
        covariance: Of both levels.
    """

    control: Fraction
    treatment: Fraction
    covariance: Fraction


@dataclass(frozen=True, slots=True)
class Method:
    """How two levels are compared.

    Attributes:
        name: As in `Estimate.method`.
        student: Student's t with the degrees of freedom of Welch and Satterthwaite; else normal.
        alpha: Of the intervals, between 0 and 1.
    """

    name: str
    student: bool
    alpha: float

    def __post_init__(self) -> None:
        """Refuse an alpha that leaves nothing inside or nothing outside."""
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}, must be between 0 and 1")


def arms(control: Moments | None, treatment: Moments | None) -> Arms | Refusal:
    """Both arms, or why they cannot be compared."""
    if control is None or control.users == 0:
        return NO_CONTROL
    if treatment is None or treatment.users == 0:
        return NO_TREATMENT
    if min(control.users, treatment.users) < MINIMUM_USERS:
        return Refusal(f"fewer than {MINIMUM_USERS} users")
    return Arms(control, treatment)


def compare(
    control: Level, treatment: Level, method: Method, users: int, scatter: Scatter | None = None
) -> Estimate | Refusal:
    """The difference of two levels with its p-value, its interval and the relative lift.

    Args:
        control: Level of the control arm.
        treatment: Level of the treatment arm. The variance of the difference is the sum of the
            variances of both.
        method: Which distribution, which alpha.
        users: Of both arms.
        scatter: Of the levels themselves, for the lift, where they share what they were adjusted
            with (their difference does not); None where they are independent.

    Returns:
        The estimate; a refusal with `zero variance` or `numbers too large`.
    """
    try:
        return _compared(control, treatment, method, users, scatter)
    except OverflowError:  # from a fraction that no float can hold
        return OUT_OF_RANGE


def _compared(
    control: Level, treatment: Level, method: Method, users: int, scatter: Scatter | None
) -> Estimate | Refusal:
    variance = float(control.variance + treatment.variance)
    if variance == 0:
        return ZERO_VARIANCE
    degrees = _degrees_of_freedom(control, treatment) if method.student else None
    difference, std_error = float(treatment.value - control.value), sqrt(variance)
    quantile = critical(method.alpha, degrees)
    reach = quantile * std_error
    if not isfinite(abs(difference) + reach):
        return OUT_OF_RANGE
    pair = Pair(
        float(control.value),
        difference,
        float(scatter.control if scatter else control.variance),
        float(scatter.treatment if scatter else treatment.variance),
        float(scatter.covariance if scatter else 0),
        reach,
    )
    statistic = difference / std_error
    return Estimate(
        method=method.name,
        control=pair.control,
        treatment=float(treatment.value),
        difference=difference,
        std_error=std_error,
        statistic=statistic,
        degrees_of_freedom=degrees,
        p_value=two_sided(statistic, degrees),
        interval=Interval(difference - reach, difference + reach),
        lift=fieller(pair, quantile),
        alpha=method.alpha,
        users=users,
    )


def _degrees_of_freedom(control: Level, treatment: Level) -> float:
    """Of Welch and Satterthwaite: (Σ v)² / Σ (v² / f), v a part of the variance, f its own.

    Welch 1947, Biometrika 34, 28-35; Satterthwaite 1946, Biometrics Bulletin 2, 110-114.
    """
    parts = control.variances + treatment.variances
    total = control.variance + treatment.variance
    return float(total * total / sum(part * part / degrees for part, degrees in parts))
