"""CUPED against regression, scipy and tea-tasting; and where there is nothing to adjust with."""

from __future__ import annotations

from dataclasses import asdict, replace
from fractions import Fraction
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import statsmodels.api as sm
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alerts.experiments.cuped import cuped
from alerts.experiments.distributions import critical
from alerts.experiments.estimates import estimate
from alerts.experiments.moments import Moments
from alerts.experiments.results import Refusal
from tests.alerts.experiments.reference import Users, arms, done, exactly, figures, table, tasted

if TYPE_CHECKING:
    from alerts.experiments.values import Kind

KINDS = pytest.mark.parametrize("kind", ["mean", "ratio"])
GRID = pytest.mark.parametrize(
    ("sizes", "lift", "alpha"),
    [
        ((4, 7), 0.0, 0.05),
        ((300, 300), 0.0, 0.2),
        ((1000, 400), 0.2, 0.05),
        ((3000, 3100), 0.02, 0.01),
        ((2000, 2000), 2.0, 0.05),
    ],
    ids=str,
)


@KINDS
@GRID
def test_as_regression_scipy_and_tea_tasting(
    kind: Kind, sizes: tuple[int, int], lift: float, alpha: float
) -> None:
    users = arms(kind, sizes, lift)
    result = done(cuped(kind, *(arm.moments() for arm in users), alpha=alpha))
    adjusted = done(result.adjusted)
    y_c, y_t = (arm.values(kind) for arm in users)
    x_c, x_t = (arm.values(kind, before=True) for arm in users)
    y, x = np.concatenate([y_c, y_t]), np.concatenate([x_c, x_t])

    # θ is the slope over all users of both arms, in whichever arm they are.
    slope = sm.OLS(y, sm.add_constant(x)).fit().params[1]
    assert result.theta == pytest.approx(slope, rel=1e-9)
    assert result.correlation == pytest.approx(stats.pearsonr(x, y).statistic, rel=1e-9)

    rest_c, rest_t = y_c - slope * (x_c - x.mean()), y_t - slope * (x_t - x.mean())
    if kind == "mean":
        scipys = stats.ttest_ind(rest_t, rest_c, equal_var=False)
        assert (adjusted.p_value, adjusted.degrees_of_freedom) == exactly(scipys.pvalue, scipys.df)
        bounds = scipys.confidence_interval(1 - alpha)
        assert (adjusted.interval.low, adjusted.interval.high) == exactly(*bounds)
    variances = [part.var(ddof=1) / len(part) for part in (rest_c, rest_t, y_c, y_t)]
    assert adjusted.std_error == pytest.approx(sqrt(sum(variances[:2])), rel=1e-9)
    assert result.variance_cut == pytest.approx(1 - sum(variances[:2]) / sum(variances[2:]))

    metric = tt.Mean("y", "x", confidence_level=1 - alpha, use_t=kind == "mean", equal_var=False)
    rows = table(*users, y=y, x=x)
    assert figures(adjusted) == exactly(*tasted(metric, rows))
    assert (adjusted.method, adjusted.users, adjusted.alpha) == ("cuped", sum(sizes), alpha)
    assert result.unadjusted == estimate(kind, *(arm.moments() for arm in users), alpha=alpha)


def test_ratios_nearly_as_tea_tasting_linearizes_them() -> None:
    """It uses one ratio for both arms, we each arm's own: the same in the limit."""
    users = arms("ratio", (20_000, 20_000), 0.03)
    result = done(cuped("ratio", *(arm.moments() for arm in users)))
    metric = tt.RatioOfMeans("m", "d", "p", "q", use_t=False, equal_var=False)
    adjusted = done(result.adjusted)
    assert figures(adjusted)[:4] == pytest.approx(tasted(metric, table(*users))[:4], rel=3e-3)
    assert result.variance_cut > 0.1


@KINDS
@pytest.mark.parametrize(("sizes", "lift"), [((900, 300), 0.5), ((400, 400), -0.5)], ids=str)
def test_the_lift_knows_that_both_levels_share_the_mean_before(
    kind: Kind, sizes: tuple[int, int], lift: float
) -> None:
    """At the ends of the interval, with the variance of each user's part in the contrast."""
    users = arms(kind, sizes, lift)
    result = done(cuped(kind, *(arm.moments() for arm in users)))
    adjusted, theta = done(result.adjusted), result.theta
    quantile = critical(0.05, adjusted.degrees_of_freedom)
    for end in (adjusted.lift.interval.low, adjusted.lift.interval.high):
        variance = 0.0
        for arm, times in zip(users, (-(1 + end), 1), strict=True):
            y, x = arm.values(kind), arm.values(kind, before=True)
            part = times * (y - theta * x) / len(arm) - end * theta * x / sum(sizes)
            variance += len(arm) * part.var(ddof=1)
        contrast = adjusted.treatment - (1 + end) * adjusted.control
        assert abs(contrast) == pytest.approx(quantile * sqrt(variance), rel=1e-9)


def test_each_treatment_arm_has_a_theta_of_its_own() -> None:
    control, first = arms("mean", (500, 500), 0.0)
    second = Users(first.m + 3 * first.p, first.d, first.p, first.q, first.unit)
    thetas = [
        done(cuped("mean", control.moments(), arm.moments())).theta for arm in (first, second)
    ]
    assert thetas[1] - thetas[0] > 1


def constant(arm: Users, p: int, q: int) -> Moments:
    ones = np.ones(len(arm), dtype=np.int64)
    return Users(arm.m, arm.d, p * ones, q * ones).moments()


@KINDS
@pytest.mark.parametrize("before", [(0, 3), (5, 5)])
def test_a_constant_covariate_adjusts_nothing_and_says_so(
    kind: Kind, before: tuple[int, int]
) -> None:
    """Also one that differs between the arms: it would explain the effect away."""
    users = arms(kind, (100, 100), 0.5)
    control, treatment = (constant(arm, p, 7) for arm, p in zip(users, before, strict=True))
    result = done(cuped(kind, control, treatment))
    assert result.adjusted == Refusal("constant covariate")
    assert result.unadjusted == estimate(kind, control, treatment)
    assert (result.theta, result.correlation, result.variance_cut) == (None, None, None)


def test_users_without_a_past() -> None:
    control, treatment = arms("ratio", (100, 100), 0.5)
    fresh = constant(treatment, 0, 0)
    for pair in ((control.moments(), fresh), (fresh, control.moments())):
        result = done(cuped("ratio", *pair))
        assert result.adjusted == Refusal("zero denominator before exposure")


def test_a_past_that_says_it_all() -> None:
    """Nothing is left to vary; with floats there would be some, and an enormous statistic."""
    control, treatment = (
        Users(arm.p * 3 + 100, arm.d, arm.p * 7, arm.q, arm.unit).moments()
        for arm in arms("mean", (100, 100), 0.0)
    )
    result = done(cuped("mean", control, treatment))
    assert result.adjusted == Refusal("zero variance")


@KINDS
def test_what_cannot_be_tested_has_the_reason_of_the_unadjusted_test(kind: Kind) -> None:
    some = arms(kind, (20, 20), 0.0)[0].moments()
    one = Moments.of(1, {"sum_m": 1, "sum_d": 1, "sum_mm": 1, "sum_dd": 1, "sum_md": 1})
    assert cuped(kind, None, some) == cuped(kind, Moments(0), some) == Refusal("no control")
    assert cuped(kind, some, None) == Refusal("no treatment")
    assert cuped(kind, some, one) == Refusal("fewer than 2 users")
    assert cuped(kind, one + one, one + one) == Refusal("zero variance")


def test_numbers_beyond_floats_are_refused() -> None:
    control, treatment = (arm.moments() for arm in arms("mean", (20, 20), 0.0))
    far = Fraction(10) ** 400
    tiny = {"sum_p": 1 / far, "sum_pp": 1 / far**2, "sum_mp": control.sum_m / far / 9}
    other = {"sum_p": Fraction(0), "sum_pp": Fraction(0), "sum_mp": Fraction(0)}
    result = done(cuped("mean", replace(control, **tiny), replace(treatment, **other)))
    assert result.adjusted == Refusal("numbers too large")


def test_revenue_sums_of_a_million_millions() -> None:
    control, treatment = arms("mean", (400, 400), 0.5)
    base = 10**14
    rich = [
        Users(arm.m + base, arm.d, arm.p + base, arm.q, arm.unit) for arm in (control, treatment)
    ]
    small = done(cuped("mean", control.moments(), treatment.moments()))
    large = done(cuped("mean", *(arm.moments() for arm in rich)))
    assert (large.theta, large.correlation) == (small.theta, small.correlation)
    assert done(large.adjusted).p_value == done(small.adjusted).p_value
    assert done(large.adjusted).interval == done(small.adjusted).interval


ROWS = st.lists(st.tuples(*[st.integers(0, 4)] * 4), min_size=2, max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["mean", "ratio"]), ROWS, ROWS)
def test_whatever_the_users(kind: Kind, first: Any, second: Any) -> None:
    """Nothing is NaN or infinite; a covariate in other units changes nothing but θ."""
    control, treatment = (Users(*np.array(rows, dtype=np.int64).T) for rows in (first, second))
    result = cuped(kind, control.moments(), treatment.moments())
    if isinstance(result, Refusal):
        assert estimate(kind, control.moments(), treatment.moments()) == result
        return
    assert result.unadjusted == estimate(kind, control.moments(), treatment.moments())
    if isinstance(result.adjusted, Refusal):
        return
    assert all(isfinite(part) for part in (result.theta, result.correlation, result.variance_cut))
    assert all(isfinite(x) for x in asdict(result.adjusted).values() if isinstance(x, float))
    assert abs(result.correlation) <= 1 + 1e-12
    other = [Users(arm.m, arm.d, 3 * arm.p, arm.q) for arm in (control, treatment)]
    again = done(cuped(kind, *(arm.moments() for arm in other)))
    assert again.adjusted == result.adjusted
    assert again.theta == pytest.approx(result.theta / 3)
