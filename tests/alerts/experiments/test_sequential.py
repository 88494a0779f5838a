"""Confidence sequences and declared looks, against integrals, tables and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from alerts.experiments import sequential as s
from alerts.experiments.results import Refusal

HORIZON = 40_000


def two_sided(difference: float, std_error: float, users: int, alpha: float = 0.05) -> s.Anytime:
    look = s.confidence_sequence(difference, std_error, users, horizon_users=HORIZON, alpha=alpha)
    assert isinstance(look, s.Anytime)
    return look


def one_sided(difference: float, std_error: float, users: int, alpha: float) -> s.AtLeast:
    look = s.lower_confidence_sequence(
        difference, std_error, users, horizon_users=HORIZON, alpha=alpha
    )
    assert isinstance(look, s.AtLeast)
    return look


def mixture(z: float, clock: float, *, half: bool) -> float:
    """The evidence, by numbers: exp(λS − λ²n/2) averaged over a normal (or half normal) λ.

    In units where n = 1, so S = z and the variance of λ is the clock.
    """

    def integrand(effect: float) -> float:
        return math.exp(effect * z - effect**2 / 2) * stats.norm.pdf(effect, 0, math.sqrt(clock))

    spread = math.sqrt(clock / (clock + 1))
    middle = z * clock / (clock + 1)
    low, high = middle - 12 * spread, middle + 12 * spread
    if half:
        return 2 * integrate.quad(integrand, max(low, 0), high)[0]
    return integrate.quad(integrand, low, high)[0]


@pytest.mark.parametrize("users", [100, 4000, 40_000, 160_000])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_at_the_boundary_the_evidence_is_one_over_alpha(users: int, alpha: float) -> None:
    clock = s.rho_squared(alpha, HORIZON) * users
    low = two_sided(0.0, 1.0, users, alpha).interval.low
    assert low is not None
    assert mixture(-low, clock, half=False) == pytest.approx(1 / alpha, rel=1e-9)


@pytest.mark.parametrize("users", [100, 4000, 40_000, 160_000])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_the_one_sided_boundary_is_safe_and_close_to_the_exact_one(
    users: int, alpha: float
) -> None:
    clock = s.rho_squared(2 * alpha, HORIZON) * users
    boundary = -one_sided(0.0, 1.0, users, alpha).bound
    exact = optimize.brentq(
        lambda z: mixture(z, clock, half=True) - 1 / alpha, 0.0, 1.01 * boundary
    )
    assert exact <= boundary < exact * 1.03


def test_the_radius_is_the_formula_of_the_paper() -> None:
    users, alpha, sd = 9000, 0.05, 3.7
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / HORIZON)
    radius = sd * math.sqrt(
        2
        * (users * rho**2 + 1)
        / (users**2 * rho**2)
        * math.log(math.sqrt(users * rho**2 + 1) / alpha)
    )
    look = two_sided(0.2, sd / math.sqrt(users), users)
    assert look.interval.low == pytest.approx(0.2 - radius, rel=1e-12)
    assert look.interval.high == pytest.approx(0.2 + radius, rel=1e-12)
    assert (look.users, look.horizon_users, look.alpha) == (users, HORIZON, alpha)


def test_the_sequence_is_shortest_near_the_horizon() -> None:
    """ρ is tuned for the horizon: no other horizon gives a shorter interval there, nearly."""
    here = -one_or_zero(HORIZON)
    for other in (HORIZON // 4, HORIZON // 2, HORIZON * 2, HORIZON * 4):
        look = s.confidence_sequence(0.0, 1.0, HORIZON, horizon_users=other)
        assert isinstance(look, s.Anytime)
        assert look.interval.high is not None
        assert here < look.interval.high
    assert here == pytest.approx(3.035, abs=1e-3)


def one_or_zero(users: int) -> float:
    low = two_sided(0.0, 1.0, users).interval.low
    assert low is not None
    return low


def test_p_values_are_the_level_at_which_the_bound_touches_0() -> None:
    for statistic in (2.5, 3.2, 6.0):
        for users in (500, 40_000):
            p_value = two_sided(statistic, 1.0, users).p_value
            clock = s.rho_squared(0.05, HORIZON) * users
            assert (
                1 / mixture(statistic, clock, half=False) == pytest.approx(p_value, rel=1e-8)
                or p_value == 1
            )
            for alpha in (0.05, 0.01):
                low = two_sided(statistic, 1.0, users, alpha).interval.low
                look = one_sided(statistic, 1.0, users, alpha)
                assert low is not None
                assert (low > 0) == (two_sided(statistic, 1.0, users, alpha).p_value < alpha)
                assert (look.bound > 0) == (look.p_value < alpha)
    assert one_sided(0.0, 1.0, 10, 0.01).p_value == 1.0
    assert one_sided(-3.0, 1.0, 10, 0.01).p_value == 1.0
    assert one_sided(1e200, 1.0, 10, 0.01).p_value == 0.0
    clock = s.rho_squared(0.02, HORIZON) * 9000
    p_value = one_sided(3.0, 1.0, 9000, 0.01).p_value
    ratio = math.log1p(math.sqrt(clock + 1) / (2 * p_value))
    assert math.sqrt(2 * (clock + 1) / clock * ratio) == pytest.approx(3.0, rel=1e-12)


def test_daily_looks_at_an_aa_stay_below_alpha() -> None:
    """28 daily looks at 20,000 A/As; the fixed interval is wrong on some day in a third of them."""
    random = np.random.default_rng(20250302)
    runs, days = 20_000, 28
    sums = random.standard_normal((runs, days)).cumsum(axis=1) / np.sqrt(np.arange(1, days + 1))
    users = [HORIZON * day // days for day in range(1, days + 1)]
    two = np.array([-one_or_zero(n) for n in users])
    one = np.array([-one_sided(0.0, 1.0, n, 0.05).bound for n in users])
    error = math.sqrt(0.05 * 0.95 / runs)
    assert 0.005 < (np.abs(sums) > two).any(axis=1).mean() < 0.05 + 3 * error
    assert 0.005 < (sums > one).any(axis=1).mean() < 0.05 + 3 * error
    assert (np.abs(sums) > 1.96).any(axis=1).mean() > 0.25


# R package ldbounds, spending of O'Brien and Fleming's type, 0.05 two-sided; Reboussin et al. 2000.
TABLES = {
    (0.2, 0.4, 0.6, 0.8, 1.0): (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
    (0.5, 1.0): (2.9626, 1.9686),
    (1.0,): (1.9600,),
}


@pytest.mark.parametrize("fractions", TABLES)
def test_boundaries_are_those_of_the_tables(fractions: tuple[float, ...]) -> None:
    found = [look.boundary for look in s.boundaries(fractions)]
    assert found == pytest.approx(TABLES[fractions], abs=2e-4)


def test_two_looks_against_the_bivariate_normal() -> None:
    for first, alpha in ((0.3, 0.05), (0.8, 0.1), (0.99, 0.01)):
        one, two = s.boundaries([first, 1.0], alpha)
        assert one.boundary is not None
        assert two.boundary is not None
        assert one.boundary == pytest.approx(stats.norm.isf(one.spent / 2), rel=1e-9)
        correlation = math.sqrt(first)
        joint = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
        inside = joint.cdf([one.boundary, two.boundary], lower_limit=[-one.boundary, -two.boundary])
        assert 1 - inside == pytest.approx(alpha, abs=2e-6)


def test_declared_looks_spend_alpha_and_no_more() -> None:
    random = np.random.default_rng(5)
    fractions = [0.1, 0.35, 0.4, 0.75, 1.0]
    looks = s.boundaries(fractions)
    steps = np.sqrt(np.diff([0.0, *fractions]))
    sums = (random.standard_normal((200_000, 5)) * steps).cumsum(axis=1) / np.sqrt(fractions)
    beyond = np.abs(sums) >= np.array([look.boundary for look in looks])
    for place, look in enumerate(looks):
        share = beyond[:, : place + 1].any(axis=1).mean()
        error = math.sqrt(look.spent * (1 - look.spent) / len(sums))
        assert abs(share - look.spent) < 4 * error + 1e-12
    assert looks[-1].spent == pytest.approx(0.05, rel=1e-12)


def test_a_boundary_does_not_depend_on_later_looks() -> None:
    assert s.boundaries([0.2, 0.5]) == pytest.approx(s.boundaries([0.2, 0.5, 0.6, 1.0])[:2])


def test_a_look_too_early_has_no_boundary_and_takes_nothing_from_the_next() -> None:
    first, second, last = s.boundaries([0.001, 0.5, 1.0])
    plain = s.boundaries([0.5, 1.0])
    assert first.boundary is None
    assert [second.boundary, last.boundary] == pytest.approx(
        [look.boundary for look in plain], rel=1e-9
    )
    daily = s.boundaries([day / 28 for day in range(1, 29)])
    bounds = [look.boundary for look in daily if look.boundary is not None]
    assert len(bounds) == 28
    assert bounds == sorted(bounds, reverse=True)


def test_refusals_and_errors() -> None:
    assert s.confidence_sequence(0, 1, 0, horizon_users=9) == Refusal("not started")
    assert s.confidence_sequence(0, 0, 5, horizon_users=9) == Refusal("zero variance")
    assert s.confidence_sequence(math.nan, 1, 5, horizon_users=9) == Refusal("no estimate")
    assert s.lower_confidence_sequence(0, math.inf, 5, horizon_users=9, alpha=0.01) == Refusal(
        "no estimate"
    )
    for wrong in (
        lambda: s.confidence_sequence(0, 1, 5, horizon_users=0),
        lambda: s.confidence_sequence(0, 1, 5, horizon_users=5, alpha=1),
        lambda: s.lower_confidence_sequence(0, 1, 5, horizon_users=5, alpha=0.5),
        lambda: s.boundaries([]),
        lambda: s.boundaries([0.5, 0.5]),
        lambda: s.boundaries([0.5, math.nan, 1.0]),
        lambda: s.boundaries([0.5, 1.1]),
        lambda: s.boundaries([0.0, 1.0]),
        lambda: s.boundaries([1.0], alpha=0),
    ):
        with pytest.raises(ValueError, match="must"):
            wrong()
