"""Tails and quantiles against scipy.stats."""

from __future__ import annotations

import pytest
from scipy import stats

from alerts.experiments.distributions import critical, two_sided


@pytest.mark.parametrize("degrees", [1, 1.37, 8, 57.3, 58_595.5, 1e9, 1e14])
def test_students_t(degrees: float) -> None:
    for statistic in (0.0, 0.3, -1.96, 5.5, -30.0):
        expected = 2 * stats.t.sf(abs(statistic), degrees)
        assert two_sided(statistic, degrees) == pytest.approx(expected, rel=1e-12, abs=0)
    for alpha in (0.5, 0.05, 1e-6):
        expected = stats.t.isf(alpha / 2, degrees)
        assert critical(alpha, degrees) == pytest.approx(expected, rel=1e-12)


def test_the_normal() -> None:
    for statistic in (0.0, 0.3, -1.96, 9.0, -37.0):
        expected = 2 * stats.norm.sf(abs(statistic))
        assert two_sided(statistic) == pytest.approx(expected, rel=1e-12, abs=0)
    assert two_sided(9.0) > 0
    for alpha in (0.5, 0.05, 1e-6):
        assert critical(alpha) == pytest.approx(stats.norm.isf(alpha / 2), rel=1e-12)
