"""Fieller's interval against its definition, and where there is none."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt, ulp
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from alerts.experiments.distributions import critical
from alerts.experiments.estimates import estimate, welch
from alerts.experiments.lift import Pair, fieller
from alerts.experiments.results import Interval, Lift
from tests.alerts.experiments.reference import Users, arms, done, exactly

if TYPE_CHECKING:
    from alerts.experiments.values import Kind

NONE = Interval(None, None)


def by_definition(pair: Pair, quantile: float) -> list[float]:
    """Where treatment − (1 + l) control is just `quantile` of its standard errors from 0."""

    def beyond(lift: float) -> float:
        times = 1 + lift
        variance = (
            pair.treatment_variance + times**2 * pair.control_variance - 2 * times * pair.covariance
        )
        return (pair.difference - lift * pair.control) ** 2 - quantile**2 * variance

    value = pair.difference / pair.control
    return [brentq(beyond, value, far, xtol=1e-13) for far in (-1e4, 1e4)]


@pytest.mark.parametrize("kind", ["mean", "ratio"])
@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
@pytest.mark.parametrize(
    ("sizes", "lift"), [((40, 60), 0.0), ((900, 300), 0.1), ((2000, 2000), 1.0)], ids=str
)
def test_both_ends_by_definition(
    kind: Kind, sizes: tuple[int, int], lift: float, alpha: float
) -> None:
    users = arms(kind, sizes, lift)
    result = done(estimate(kind, *(arm.moments() for arm in users), alpha=alpha))
    variances = [arm.values(kind).var(ddof=1) / len(arm) for arm in users]
    quantile = critical(alpha, result.degrees_of_freedom)
    control, treatment = (arm.values(kind).mean() for arm in users)
    pair = Pair(control, treatment - control, *variances, 0.0, 0.0)
    low, high = by_definition(pair, quantile)
    assert (result.lift.interval.low, result.lift.interval.high) == exactly(low, high)
    assert result.lift.note is None


def pair(
    control: float, difference: float, variances: tuple[float, float], covariance: float = 0.0
) -> Pair:
    scatter = sum(variances) - 2 * covariance
    return Pair(control, difference, *variances, covariance, 1.96 * sqrt(scatter))


POSITIVE = st.floats(1e-3, 1e3)


@settings(max_examples=150, deadline=None)
@given(
    POSITIVE, st.floats(-1e3, 1e3), st.tuples(POSITIVE, POSITIVE), st.floats(-0.9, 0.9), POSITIVE
)
def test_it_agrees_with_the_absolute_test(
    control: float,
    difference: float,
    variances: tuple[float, float],
    correlation: float,
    unit: float,
) -> None:
    covariance = correlation * sqrt(variances[0] * variances[1])
    given_pair = pair(control, difference, variances, covariance)
    lift = fieller(given_pair, 1.96)
    assert lift.value == difference / control
    if control**2 <= 1.96**2 * variances[0]:
        assert (lift.interval, lift.note) == (NONE, "control not distinguishable from 0")
        return
    low, high = lift.interval.low, lift.interval.high
    assert lift.note is None
    assert low is not None
    assert high is not None
    assert low <= lift.value * (1 + 1e-12 * np.sign(lift.value))
    assert high >= lift.value * (1 - 1e-12 * np.sign(lift.value))
    # Exactly, not nearly: a person sees both intervals side by side.
    assert (low > 0) == (difference - given_pair.reach > 0)
    assert (high < 0) == (difference + given_pair.reach < 0)
    # Money in another currency has the same percentages.
    in_units = replace(
        pair(
            control * unit,
            difference * unit,
            (variances[0] * unit**2, variances[1] * unit**2),
            covariance * unit**2,
        ),
        reach=given_pair.reach * unit,
    )
    other = fieller(in_units, 1.96).interval
    assume(other != NONE)  # control may be distinguishable by the last digit only
    tolerance = 1e-6 * (high - low)
    assert other.low == pytest.approx(low, abs=tolerance)
    assert other.high == pytest.approx(high, abs=tolerance)


@pytest.mark.parametrize("digits", range(-3, 4))
def test_the_end_near_0_keeps_its_last_digit(digits: int) -> None:
    """At the verge of significance the usual formula would subtract equal numbers."""
    verge = 0.002
    reach = verge + digits * ulp(verge)
    low = fieller(Pair(1.0, verge, 1e-8, 1e-8, 0.0, reach), reach / sqrt(2e-8)).interval.low
    assert low == pytest.approx(verge - reach, rel=1e-2, abs=0)


def test_a_noisy_control_has_no_interval_and_says_so() -> None:
    ones = np.ones(50, dtype=np.int64)
    control = Users((np.arange(50) < 3) * 1000, ones, ones, ones)
    treatment = Users((np.arange(50) < 45) * 1000, ones, ones, ones)
    result = done(welch(control.moments(), treatment.moments()))
    assert result.p_value < 1e-9
    assert result.lift.value == pytest.approx(result.treatment / result.control - 1)
    assert result.lift.interval == NONE
    assert result.lift.note == "control not distinguishable from 0"


@pytest.mark.parametrize("away", [0.999, 1.001])
def test_the_interval_ends_exactly_where_control_is_as_good_as_0(away: float) -> None:
    lift = fieller(pair(away * 1.96 * 2, 1.0, (4.0, 1.0)), 1.96)
    assert (lift.interval == NONE) == (away < 1)


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (0.0, Lift(None, NONE, "control not distinguishable from 0")),
        (-1.0, Lift(None, NONE, "control not distinguishable from 0")),
        (-10.0, Lift(None, NONE, "control below 0")),
        (1e-320, Lift(None, NONE, "numbers too large")),
        (1e-200, Lift(4e200, NONE, "control not distinguishable from 0")),
    ],
)
def test_no_percentage_of_what_is_not_above_0(control: float, expected: Lift) -> None:
    """From −10 to −6 is a gain; −40 % would read as a loss."""
    assert fieller(pair(control, 4.0, (1.0, 1.0)), 1.96) == expected


def test_without_scatter_in_one_arm() -> None:
    """A treatment that is always 0 is 100 % less, whatever control is."""
    lift = fieller(pair(10.0, -10.0, (1.0, 0.0)), 1.96)
    assert (lift.value, lift.interval.low, lift.interval.high) == exactly(-1, -1, -1)
