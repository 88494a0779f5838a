"""Welch and delta against three libraries, from the users; and what has no answer."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from alerts.experiments.estimates import delta, estimate, welch
from alerts.experiments.moments import Moments
from alerts.experiments.results import Refusal
from tests.alerts.experiments.reference import (
    Users,
    arms,
    done,
    exactly,
    figures,
    sample,
    table,
    tasted,
)

if TYPE_CHECKING:
    from alerts.experiments.values import Kind

KINDS = pytest.mark.parametrize("kind", ["mean", "ratio"])
GRID = pytest.mark.parametrize(
    ("sizes", "lift", "alpha"),
    [
        ((2, 3), 0.1, 0.05),
        ((5, 40), 0.5, 0.05),
        ((300, 300), 0.0, 0.2),
        ((1000, 400), 0.2, 0.05),
        ((3000, 3100), 0.02, 0.01),
        ((4000, 4000), 4.0, 0.001),
    ],
    ids=str,
)


@GRID
def test_means_as_scipy_statsmodels_and_tea_tasting(
    sizes: tuple[int, int], lift: float, alpha: float
) -> None:
    control, treatment = arms("mean", sizes, lift)
    result = done(welch(control.moments(), treatment.moments(), alpha=alpha))
    m_c, m_t = control.floats("m"), treatment.floats("m")

    scipys = stats.ttest_ind(m_t, m_c, equal_var=False)
    assert (result.statistic, result.p_value, result.degrees_of_freedom) == exactly(
        scipys.statistic, scipys.pvalue, scipys.df
    )
    low_and_high = result.interval.low, result.interval.high
    assert low_and_high == exactly(*scipys.confidence_interval(1 - alpha))

    models = CompareMeans(DescrStatsW(m_t), DescrStatsW(m_c))
    assert (result.statistic, result.p_value, result.degrees_of_freedom) == exactly(
        *models.ttest_ind(usevar="unequal")
    )
    assert low_and_high == exactly(*models.tconfint_diff(alpha=alpha, usevar="unequal"))

    metric = tt.Mean("m", confidence_level=1 - alpha, use_t=True, equal_var=False)
    assert figures(result) == exactly(*tasted(metric, table(control, treatment)))
    assert (result.method, result.users, result.alpha) == ("welch", sum(sizes), alpha)


@GRID
def test_ratios_as_scipy_statsmodels_and_tea_tasting(
    sizes: tuple[int, int], lift: float, alpha: float
) -> None:
    control, treatment = arms("ratio", sizes, lift)
    result = done(delta(control.moments(), treatment.moments(), alpha=alpha))

    metric = tt.RatioOfMeans("m", "d", confidence_level=1 - alpha, use_t=False, equal_var=False)
    assert figures(result) == exactly(*tasted(metric, table(control, treatment)))

    # The same once more, by linearization instead of the formula.
    linear = DescrStatsW(treatment.values("ratio")), DescrStatsW(control.values("ratio"))
    models = CompareMeans(*linear)
    assert (result.statistic, result.p_value) == exactly(*models.ztest_ind(usevar="unequal"))
    low_and_high = result.interval.low, result.interval.high
    assert low_and_high == exactly(*models.zconfint_diff(alpha=alpha, usevar="unequal"))
    assert result.p_value == pytest.approx(2 * stats.norm.sf(abs(result.statistic)), rel=1e-12)
    assert (result.method, result.degrees_of_freedom) == ("delta", None)


@KINDS
def test_a_tiny_p_value_is_not_zero(kind: Kind) -> None:
    """1 − cdf would be."""
    control, treatment = (arm.moments() for arm in arms(kind, (1500, 1500), 2.0))
    assert 0 < done(estimate(kind, control, treatment)).p_value < 1e-20


def test_a_ratio_whose_denominator_is_always_1_is_a_mean() -> None:
    control, treatment = (arm.moments() for arm in arms("mean", (300, 310), 0.1))
    mean, ratio = done(welch(control, treatment)), done(delta(control, treatment))
    for name in ("control", "treatment", "difference", "std_error", "statistic"):
        assert getattr(mean, name) == pytest.approx(getattr(ratio, name), rel=1e-14)
    assert mean.p_value > ratio.p_value


def test_revenue_sums_of_a_million_millions() -> None:
    """Each user has spent 10^12, give or take a little: floats would cancel all digits."""
    rng = np.random.default_rng(3)
    little, much = sample(rng, "mean", 400), sample(rng, "mean", 400, lift=0.5)
    base = 10**14

    def rich(arm: Users) -> Users:
        return Users(arm.m + base, arm.d, arm.p + base, arm.q, arm.unit)

    small = done(welch(little.moments(), much.moments()))
    large = done(welch(rich(little).moments(), rich(much).moments()))
    assert large.control == pytest.approx(10**12, rel=1e-6)
    for name in ("difference", "std_error", "p_value", "interval", "degrees_of_freedom"):
        assert getattr(large, name) == getattr(small, name)
    assert large.lift.value == pytest.approx(small.difference / large.control, rel=1e-12)


def test_negative_revenue() -> None:
    """Refunds: the difference is as for any other money; see test_lift.py for the percentage."""
    control, treatment = arms("mean", (300, 300), 0.3)
    refunds = [Users(-arm.m, arm.d, arm.p, arm.q, arm.unit) for arm in (control, treatment)]
    paid = done(welch(control.moments(), treatment.moments()))
    back = done(welch(*(arm.moments() for arm in refunds)))
    assert (back.difference, back.p_value) == (-paid.difference, paid.p_value)
    assert (back.interval.low, back.interval.high) == (-paid.interval.high, -paid.interval.low)


USERS = arms("ratio", (30, 30), 0.0)[0].moments()
IDLE = Moments.of(5, {"sum_p": 4, "sum_q": 9, "sum_pp": 6, "sum_qq": 20, "sum_pq": 8})
ALIKE = Moments.of(9, {"sum_m": 18, "sum_d": 9, "sum_mm": 36, "sum_dd": 9, "sum_md": 18})
ONE = Moments.of(1, {"sum_m": 2, "sum_d": 1, "sum_mm": 4, "sum_dd": 1, "sum_md": 2})


@KINDS
@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        (None, USERS, "no control"),
        (Moments(0), USERS, "no control"),
        (None, None, "no control"),
        (USERS, None, "no treatment"),
        (USERS, Moments(0), "no treatment"),
        (ONE, USERS, "fewer than 2 users"),
        (USERS, ONE, "fewer than 2 users"),
        (ALIKE, ALIKE, "zero variance"),
        (ALIKE, IDLE + ALIKE + ALIKE, None),
    ],
)
def test_what_cannot_be_tested_has_a_reason(
    kind: Kind, control: Moments | None, treatment: Moments | None, reason: str | None
) -> None:
    result = estimate(kind, control, treatment)
    if reason is None and kind == "mean":
        assert done(result).std_error > 0
    else:
        # The ratio of all who have any denominator is the same: it does not vary.
        assert result == Refusal(reason or "zero variance")


def test_a_ratio_without_denominator_has_a_reason() -> None:
    assert delta(USERS, IDLE) == delta(IDLE, USERS) == Refusal("zero denominator")
    assert done(welch(USERS, IDLE)).treatment == 0


def test_numbers_beyond_floats_are_refused() -> None:
    far = Fraction(10) ** 400
    huge = Moments(3, far, Fraction(3), sum_mm=far**2, sum_dd=Fraction(3), sum_md=far)
    for kind in ("mean", "ratio"):
        assert estimate(kind, USERS, huge) == Refusal("numbers too large")  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", [0, 1, -0.05, 5, nan, inf])
def test_an_alpha_that_is_none_is_an_error(alpha: float) -> None:
    with pytest.raises(ValueError, match=f"alpha is {alpha}, must be between 0 and 1"):
        estimate("mean", USERS, USERS, alpha=alpha)


ROWS = st.lists(
    st.tuples(
        st.integers(-(10**6), 10**12) | st.integers(0, 3),
        st.integers(0, 9),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=6,
)


def summed(rows: list[tuple[int, int, int, int]]) -> Moments:
    return Users(*np.array(rows, dtype=np.int64).T).moments()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["mean", "ratio"]), ROWS, ROWS, st.integers(1, 1000))
def test_whatever_the_users(kind: Kind, first: Any, second: Any, factor: int) -> None:
    """Nothing is NaN or infinite; arms change the sign, units the scale, order and cuts nothing."""
    result = estimate(kind, summed(first), summed(second))
    if isinstance(result, Refusal):
        assert type(estimate(kind, summed(second), summed(first))) is Refusal
        return
    for value in numbers(asdict(result)):
        assert isfinite(value)
    assert 0 <= result.p_value <= 1
    # Fractions are exact: not approximately, but the same.
    parts = summed(second[:1]) + summed(second[1:]) if second[1:] else summed(second)
    assert estimate(kind, summed(first[::-1]), parts) == result
    swapped = done(estimate(kind, summed(second), summed(first)))
    assert (swapped.statistic, swapped.p_value) == (-result.statistic, result.p_value)
    in_cents = [[(m * factor, *rest) for m, *rest in rows] for rows in (first, second)]
    scaled = done(estimate(kind, *(summed(rows) for rows in in_cents)))
    assert scaled.difference == pytest.approx(result.difference * factor, rel=1e-12)
    assert scaled.p_value == pytest.approx(result.p_value, rel=1e-9)
    assert scaled.lift.note == result.lift.note
    if result.lift.value is not None:
        assert scaled.lift.value == pytest.approx(result.lift.value, rel=1e-12)


def numbers(value: Any) -> list[float]:
    """All numbers anywhere in a result."""
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers(part)]
    return [value] if isinstance(value, int | float) else []
