"""Sample ratio mismatch, against scipy and by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from alerts.experiments.results import Refusal
from alerts.experiments.srm import Period, Srm, srm


def result_of(*periods: Period) -> Srm:
    result = srm(periods)
    assert isinstance(result, Srm)
    return result


def counts(*users: int, weights: tuple[float, ...] | None = None) -> Period:
    shares = weights or (1.0,) * len(users)
    return dict(zip("abcdef", zip(users, shares, strict=True), strict=False))


def test_the_public_counts_of_cookie_cats() -> None:
    result = result_of(counts(44_700, 45_489))
    assert result.chi2 == pytest.approx(6.9024049496058275, rel=1e-9)
    assert result.p_value == pytest.approx(0.008607987810836262, rel=1e-9)
    assert (result.df, result.is_mismatch, result.is_mismatch_anytime) == (1, False, False)
    assert result.expected == (45_094.5, 45_094.5)


GRID = [
    ((10, 12), (0.5, 0.5)),
    ((0, 40), (0.5, 0.5)),
    ((990, 10_200), (0.1, 0.9)),
    ((320_500, 319_900, 1), (0.4, 0.4, 0.2)),
    ((5, 0, 7, 9), (1.0, 1.0, 2.0, 3.0)),
    ((1_000_000, 1_003_000, 999_000, 1_000_500), (1, 1, 1, 1)),
]


@pytest.mark.parametrize(("users", "weights"), GRID)
def test_one_period_is_pearsons_test(users: tuple[int, ...], weights: tuple[float, ...]) -> None:
    result = result_of(counts(*users, weights=weights))
    shares = np.array(weights) / sum(weights)
    chi2, p_value = stats.chisquare(users, sum(users) * shares)
    assert result.chi2 == pytest.approx(chi2, rel=1e-9)
    assert result.p_value == pytest.approx(p_value, rel=1e-9)
    assert result.df == len(users) - 1


@pytest.mark.parametrize(("users", "weights"), GRID)
def test_the_bayes_factor_is_of_two_distributions_of_the_same_counts(
    users: tuple[int, ...], weights: tuple[float, ...]
) -> None:
    shares = np.array(weights) / sum(weights)
    expected = stats.dirichlet_multinomial.logpmf(
        np.array(users), 10_000 * shares, sum(users)
    ) - stats.multinomial.logpmf(users, sum(users), shares)
    result = result_of(counts(*users, weights=weights))
    assert result.log10_bayes_factor * math.log(10) == pytest.approx(expected, rel=1e-7, abs=1e-7)


def reference(*periods: Period) -> tuple[float, int]:
    """The quadratic form through the pseudo-inverse, summed period by period."""
    arms = sorted({arm for period in periods for arm in period})
    difference, covariance = np.zeros(len(arms)), np.zeros((len(arms), len(arms)))
    for period in periods:
        users = np.array([period.get(arm, (0, 0))[0] for arm in arms])
        weights = np.array([period.get(arm, (0, 0))[1] for arm in arms], dtype=float)
        weights /= weights.sum()
        difference += users - users.sum() * weights
        covariance += users.sum() * (np.diag(weights) - np.outer(weights, weights))
    inverse = np.linalg.pinv(covariance, rcond=1e-10, hermitian=True)
    return difference @ inverse @ difference, int(np.linalg.matrix_rank(covariance, tol=1e-6))


PERIODS = {
    "ramp": (counts(990, 11, weights=(0.99, 0.01)), counts(480, 530)),
    "an arm added": (counts(90, 110), counts(70, 80, 75)),
    "an arm without weight in one period": (
        counts(90, 110, 0, weights=(1, 1, 0)),
        counts(0, 60, 75, weights=(0, 1, 2)),
    ),
    "arms exchanged": (counts(90, 110), {"c": (52, 1.0), "d": (61, 1.0)}),
    "arms exchanged, then joined": (
        counts(90, 110),
        {"c": (52, 1.0), "d": (61, 1.0)},
        {"d": (30, 1.0), "a": (45, 2.0)},
    ),
    "a period without users": (counts(90, 110), counts(0, 0, 0)),
}


@pytest.mark.parametrize("name", PERIODS)
def test_periods_with_their_own_weights(name: str) -> None:
    periods = PERIODS[name]
    chi2, rank = reference(*periods)
    for order in itertools.permutations(periods):
        result = result_of(*order)
        assert result.chi2 == pytest.approx(chi2, rel=1e-9)
        assert result.df == rank
        assert result.p_value == pytest.approx(stats.chi2.sf(chi2, rank), rel=1e-9)
        assert sum(result.expected) == pytest.approx(sum(result.observed))
    factors = [result_of(period).log10_bayes_factor for period in periods if any_users(period)]
    assert result_of(*periods).log10_bayes_factor == pytest.approx(sum(factors), rel=1e-9)


def any_users(period: Period) -> bool:
    return any(users for users, _ in period.values())


def test_pooling_a_ramp_would_see_a_mismatch_where_there_is_none() -> None:
    ramp = counts(9900, 100, weights=(0.99, 0.01)), counts(5000, 5000)
    assert result_of(*ramp).chi2 == 0
    assert result_of(counts(14_900, 5_100)).is_mismatch


def test_an_arm_without_users_counts() -> None:
    result = result_of(counts(100, 100, 0))
    assert result.df == 2
    assert result.is_mismatch
    assert result.is_mismatch_anytime is False  # 200 users are few against 10,000
    assert result_of(counts(10_000, 10_000, 0)).is_mismatch_anytime


def test_users_in_an_arm_without_weight_are_a_mismatch_by_themselves() -> None:
    result = result_of(counts(1000, 1000, 3, weights=(0.5, 0.5, 0)))
    assert result.reason == "users in an arm without weight: 3 in c"
    assert (result.p_value, result.chi2, result.df) == (0.0, 0.0, 1)
    assert result.is_mismatch
    assert result.is_mismatch_anytime
    assert result.observed == (1000, 1000, 3)
    assert result.expected == (1000.0, 1000.0, 0.0)
    # Also where the arm has weight in another period, and where no other arm has any users.
    late = counts(1000, 1000), counts(10, 2, weights=(1, 0))
    assert result_of(*late).reason == "users in an arm without weight: 2 in b"
    alone = result_of(counts(0, 5, weights=(1, 0)))
    assert (alone.is_mismatch, alone.df, alone.chi2) == (True, 0, 0.0)
    assert math.isfinite(alone.log10_bayes_factor)


def test_an_arm_without_weight_and_users_changes_nothing() -> None:
    with_it, without = result_of(counts(90, 120, 0, weights=(1, 1, 0))), result_of(counts(90, 120))
    assert (with_it.chi2, with_it.df, with_it.p_value) == (without.chi2, 1, without.p_value)


def test_refusals_and_errors() -> None:
    assert srm([]) == Refusal("not started")
    assert srm([counts(0, 0)]) == Refusal("not started")
    assert srm([counts(10)]) == Refusal("only one arm has weight")
    assert srm([counts(10, 0, weights=(1, 0))]) == Refusal("only one arm has weight")
    assert srm([{"a": (10, 1)}, {"b": (10, 1)}]) == Refusal("only one arm has weight")
    for wrong in (
        counts(-1, 5),
        counts(1, 5, weights=(-1, 2)),
        counts(1, 5, weights=(math.nan, 1)),
        counts(1, 5, weights=(0, 0)),
    ):
        with pytest.raises(ValueError, match=r"fewer than 0|must be a number|no arm has"):
            srm([wrong])


def test_a_far_mismatch_has_a_p_value_that_is_not_rounded_away() -> None:
    assert 0 < result_of(counts(50_000, 53_000)).p_value < 1e-19
    assert result_of(counts(10**9, 2 * 10**9)).p_value == 0.0


def test_the_rate_of_false_alarms() -> None:
    """4,000 splits of a ramp: p < 0.05 in 5 % of them, and the mean Bayes factor is 1."""
    random = np.random.default_rng(20250301)
    first = random.binomial(2000, 0.1, 4000)
    second = random.binomial(3000, 0.5, 4000)
    results = [
        result_of(counts(2000 - a, a, weights=(9, 1)), counts(3000 - b, b))
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    rate = np.mean([result.p_value < 0.05 for result in results])
    assert abs(rate - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 4000)
    factors = 10 ** np.array([result.log10_bayes_factor for result in results])
    assert abs(factors.mean() - 1) < 4 * factors.std() / math.sqrt(4000)


def test_the_first_users_of_a_ramp_are_too_few_for_the_chi_square() -> None:
    first_day = srm([{"a": (58, 0.99), "b": (4, 0.01)}])
    assert isinstance(first_day, Srm)
    assert first_day.p_value < 0.001
    assert not first_day.is_mismatch
    later = srm([{"a": (5800, 0.99), "b": (400, 0.01)}])
    assert isinstance(later, Srm)
    assert later.is_mismatch
