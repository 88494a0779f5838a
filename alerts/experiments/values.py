"""A metric as one value per user, so that what adjusts it need not know of which kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from alerts.experiments.comparison import Level
from alerts.experiments.results import Refusal

if TYPE_CHECKING:
    from alerts.experiments.comparison import Arms
    from alerts.experiments.moments import Moments, Total, Weights

# `mean`: of one total per user. `ratio`: of two totals, such as clicks and impressions.
Kind = Literal["mean", "ratio"]
NO_DENOMINATOR = Refusal("zero denominator")
NO_DENOMINATOR_BEFORE = Refusal("zero denominator before exposure")
ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Value:
    """One value per user of an arm.

    Attributes:
        mean: Over the arm's users.
        weights: The value as a sum of the user's totals, up to a constant.
    """

    mean: Fraction
    weights: Weights


class Values(NamedTuple):
    """One value per user of both arms."""

    control: Value
    treatment: Value


def outcomes(kind: Kind, both: Arms) -> Values | Refusal:
    """The metric since exposure; `zero denominator` where an arm's ratio has none."""
    return _values(kind, both, ("m", "d")) or NO_DENOMINATOR


def covariates(kind: Kind, both: Arms) -> Values | Refusal:
    """The metric before exposure; `zero denominator before exposure` where a ratio has none."""
    return _values(kind, both, ("p", "q")) or NO_DENOMINATOR_BEFORE


def level(arm: Moments, value: Value) -> Level:
    """The mean of a value over an arm's users, with its variance s² / n; at least two users."""
    variance = arm.weighted_covariance(value.weights, value.weights) / arm.users
    return Level(value.mean, ((variance, arm.users - 1),))


def _values(kind: Kind, both: Arms, totals: tuple[Total, Total]) -> Values | None:
    read = _single if kind == "mean" else _linearized
    control, treatment = read(both.control, *totals), read(both.treatment, *totals)
    return Values(control, treatment) if control and treatment else None


def _single(arm: Moments, numerator: Total, _: Total) -> Value | None:
    return Value(arm.mean(numerator), ((numerator, ONE),))


def _linearized(arm: Moments, numerator: Total, denominator: Total) -> Value | None:
    """A ratio R of two sums, as the mean of L = R + (m − R d) / d̄ over the arm's users.

    The variance of L over n is that of R by the delta method. None without denominator.
    """
    denominators = arm.total(denominator)
    if denominators == 0:
        return None
    ratio, scale = arm.total(numerator) / denominators, arm.users / denominators
    return Value(ratio, ((numerator, scale), (denominator, -ratio * scale)))
