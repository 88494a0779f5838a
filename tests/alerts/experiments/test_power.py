"""Power, against statsmodels, tables of the plan and exact reference data."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import (
    power_proportions_2indep,
    samplesize_proportions_2indep_onetail,
)

from alerts.experiments import power as p
from alerts.experiments.moments import Moments
from alerts.experiments.results import Refusal


def figure(result: float | Refusal) -> float:
    assert not isinstance(result, Refusal)
    return result


def test_the_figures_of_the_plan() -> None:
    users = [p.proportion_users(0.05, 0.03, power=power) for power in (0.8, 0.9, 0.95)]
    assert users == [336_099, 449_941, 556_450]
    assert figure(p.proportion_power(0.05, 0.03, 600_000)) == pytest.approx(0.963, abs=5e-4)
    assert figure(p.proportion_power(0.05, 0.03, 600_000, design_effect=1.785)) == pytest.approx(
        0.8, abs=1e-4
    )


RATES = list(itertools.product((0.001, 0.05, 0.4), (-0.2, 0.01, 0.03, 0.5), (0.05, 0.01)))


@pytest.mark.parametrize(("rate", "lift", "alpha"), RATES)
def test_proportions_agree_with_statsmodels(rate: float, lift: float, alpha: float) -> None:
    difference = rate * lift
    for power in (0.8, 0.95):
        # statsmodels pools under the null; with both variances given it is the plain formula.
        sd = math.sqrt(rate * (1 - rate) + (rate + difference) * (1 - rate - difference))
        effect = abs(difference) / (sd / math.sqrt(2))
        plain = NormalIndPower().solve_power(
            effect, alpha=alpha / 2, power=power, alternative="larger"
        )
        # Its solver stops near the root; its power at that place is exact.
        assert p.proportion_users(rate, lift, alpha=alpha, power=power) == pytest.approx(
            plain, rel=1e-6, abs=1
        )
        reference = NormalIndPower().power(effect, plain, alpha / 2, alternative="larger")
        achieved = figure(p.proportion_power(rate, lift, plain, alpha=alpha))
        assert achieved == pytest.approx(reference, rel=1e-9)
        pooled = samplesize_proportions_2indep_onetail(
            difference, rate, power, ratio=1, alpha=alpha, alternative="two-sided"
        )
        assert plain == pytest.approx(pooled, rel=0.15)
    both = power_proportions_2indep(difference, rate, 5000, alpha=alpha, return_results=True)
    assert figure(p.proportion_power(rate, lift, 5000, alpha=alpha)) == pytest.approx(
        both.power, abs=0.03
    )


@pytest.mark.parametrize(("rate", "lift", "alpha"), RATES)
def test_power_of_a_metric_agrees_with_statsmodels(rate: float, lift: float, alpha: float) -> None:
    effect, sd = 20 * lift, 55.0
    for users in (50, 5000, 250_000):
        reference = NormalIndPower().power(effect / sd, users, alpha / 2, alternative="larger")
        if effect < 0:
            reference = NormalIndPower().power(effect / sd, users, alpha / 2, alternative="smaller")
        found = figure(p.metric_power(20.0, sd**2, lift, users, alpha=alpha))
        assert found == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("effect", [1.0, 1.785])
def test_users_power_and_lift_are_inverses_of_each_other(power: float, effect: float) -> None:
    for rate, lift in itertools.product((0.001, 0.05, 0.5, 0.7), (0.01, 0.2)):
        users = p.proportion_users(rate, lift, power=power, design_effect=effect)
        assert isinstance(users, int)
        reached = figure(p.proportion_power(rate, lift, users, design_effect=effect))
        missed = figure(p.proportion_power(rate, lift, users - 1, design_effect=effect))
        assert missed < power <= reached
        found = figure(p.proportion_lift(rate, users, power=power, design_effect=effect))
        assert found <= lift
        assert figure(
            p.proportion_power(rate, found, users, design_effect=effect)
        ) == pytest.approx(power, rel=1e-9)
        needed = p.metric_users(rate, 3.3, lift, power=power)
        assert isinstance(needed, int)
        assert figure(p.metric_power(rate, 3.3, lift, needed)) >= power
        assert figure(p.metric_lift(rate, 3.3, needed, power=power)) == pytest.approx(
            lift, rel=1e-2
        )


def test_the_design_effect_multiplies_the_users() -> None:
    plain = p.proportion_users(0.05, 0.03)
    double = p.proportion_users(0.05, 0.03, design_effect=2)
    assert isinstance(plain, int)
    assert isinstance(double, int)
    assert 0 <= 2 * plain - double <= 2


def ctr(clicks: list[int], views: list[int]) -> Moments:
    sums = {
        "sum_m": sum(clicks),
        "sum_d": sum(views),
        "sum_mm": sum(m * m for m in clicks),
        "sum_dd": sum(d * d for d in views),
        "sum_md": sum(m * d for m, d in zip(clicks, views, strict=True)),
    }
    return Moments.of(len(clicks), sums)


def test_the_variance_of_a_ratio_against_residuals_of_users() -> None:
    clicks, views = [0, 3, 1, 0, 7], [4, 9, 3, 1, 11]
    ratio = sum(clicks) / sum(views)
    residuals = np.array(clicks) - ratio * np.array(views)
    expected = residuals.var(ddof=1) / np.mean(views) ** 2
    assert figure(p.delta_variance(ctr(clicks, views))) == pytest.approx(expected, rel=1e-12)
    mean = figure(p.delta_variance(ctr(clicks, [1] * 5)))
    assert mean == pytest.approx(np.var(clicks, ddof=1), rel=1e-12)


def test_the_design_effect_of_users_who_click_always_or_never_is_their_views() -> None:
    clicks = [10 * (n % 2) for n in range(1000)]
    assert figure(p.design_effect(ctr(clicks, [10] * 1000))) == pytest.approx(10, rel=2e-3)


def test_the_design_effect_of_independent_events_is_1() -> None:
    random = np.random.default_rng(7)
    views = random.integers(1, 9, 40_000)
    clicks = random.binomial(views, 0.1)
    found = figure(p.design_effect(ctr(clicks.tolist(), views.tolist())))
    assert found == pytest.approx(1, abs=0.03)


def test_a_simulated_experiment_has_the_power_promised() -> None:
    random = np.random.default_rng(11)
    users = p.proportion_users(0.1, 0.1)
    assert isinstance(users, int)
    runs = 20_000
    control = random.binomial(users, 0.1, runs) / users
    treatment = random.binomial(users, 0.11, runs) / users
    error = np.sqrt((control * (1 - control) + treatment * (1 - treatment)) / users)
    found = ((treatment - control) / error > 1.959963984540054).mean()
    assert found == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / runs))


def test_refusals_and_errors() -> None:
    assert p.proportion_users(0.05, 0.0) == Refusal("no lift to find")
    assert p.proportion_users(0.6, 0.9) == Refusal("a rate outside 0 to 1")
    assert p.proportion_users(0.05, 1e-200) == Refusal("lift too small to find")
    assert p.proportion_power(0.05, 0.03, 0) == Refusal("not started")
    assert p.proportion_lift(0.05, 0) == Refusal("not started")
    assert p.proportion_lift(0.5, 3) == Refusal("too few users to find any lift")
    assert p.metric_users(0.0, 1.0, 0.1) == Refusal("control not distinguishable from 0")
    assert p.metric_users(1.0, 0.0, 0.1) == Refusal("zero variance")
    assert p.metric_power(1.0, 1.0, math.nan, 5) == Refusal("no lift to find")
    assert p.metric_lift(1.0, 1.0, math.nan) == Refusal("not started")
    assert p.delta_variance(Moments(1)) == Refusal("fewer than 2 users")
    assert p.delta_variance(ctr([0, 0], [0, 0])) == Refusal("zero denominator")
    assert p.design_effect(ctr([0, 0], [1, 2])) == Refusal("zero variance")
    assert p.design_effect(ctr([3, 5], [1, 2])) == Refusal("not a rate")
    for wrong in (
        lambda: p.proportion_users(0.0, 0.1),
        lambda: p.proportion_users(0.1, 0.1, alpha=0),
        lambda: p.proportion_users(0.1, 0.1, power=1),
        lambda: p.proportion_users(0.1, 0.1, design_effect=0),
        lambda: p.metric_users(1.0, math.nan, 0.1),
    ):
        with pytest.raises(ValueError, match="must be"):
            wrong()
