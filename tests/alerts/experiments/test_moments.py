"""Sums of users against numpy, one user at a time."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from alerts.experiments.moments import TOTALS, Moments
from tests.alerts.experiments.reference import arms


def test_means_and_covariances_as_numpy() -> None:
    for kind in ("mean", "ratio"):
        users = arms(kind, (200, 2), 0.0)[0]
        moments = users.moments()
        for a in TOTALS:
            assert float(moments.mean(a)) == pytest.approx(users.floats(a).mean(), rel=1e-12)
            for b in TOTALS:
                expected = np.cov(users.floats(a), users.floats(b))[0, 1]
                assert float(moments.covariance(a, b)) == pytest.approx(expected, rel=1e-9)


def test_a_weighted_sum_of_totals() -> None:
    users = arms("ratio", (200, 2), 0.0)[0]
    x = users.floats("m") - 0.25 * users.floats("d")
    y = users.floats("q") + 3 * users.floats("m")
    weights_x = (("m", Fraction(1)), ("d", Fraction(-1, 4)))
    weights_y = (("q", Fraction(1)), ("m", Fraction(3)))
    result = users.moments().weighted_covariance(weights_x, weights_y)
    assert float(result) == pytest.approx(np.cov(x, y)[0, 1], rel=1e-9)


def test_two_groups_of_users_together_are_the_users_of_both() -> None:
    users = arms("ratio", (200, 2), 0.0)[0]
    first = np.arange(200) < 70
    assert users[first].moments() + users[~first].moments() == users.moments()


def test_sums_are_exact_whatever_type_the_warehouse_gives() -> None:
    """Two users with 10^14 each, and a hundredth between them."""
    sum_mm = Decimal("20000000000000002000000000000.0001")
    sums = {"sum_m": Decimal("200000000000000.01"), "sum_mm": sum_mm}
    moments = Moments.of(2, sums)
    assert moments.covariance("m", "m") == Fraction(1, 20000)
    assert Moments.of(2, {"sum_d": 3}).sum_d == Moments.of(2, {"sum_d": 3.0}).sum_d == 3
