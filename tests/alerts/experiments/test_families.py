"""Holm and Benjamini-Hochberg against statsmodels and scipy."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from alerts.experiments.families import benjamini_hochberg, holm

if TYPE_CHECKING:
    from random import Random

FAMILIES = [
    [0.03],
    [0.2, 0.0, 1.0],
    [0.01, 0.01, 0.01, 0.01],
    [0.04, 0.009, 0.0001, 0.6, 0.03, 0.03],
    [1e-300, 0.02, 0.5, 0.9, 0.049, 1e-5, 0.011, 0.012, 0.013, 0.2],
]


@pytest.mark.parametrize("p_values", FAMILIES, ids=len)
def test_as_statsmodels(p_values: list[float]) -> None:
    for adjust, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        # It collects garbage at each call, a tenth of a second: hence few families.
        expected = multipletests(p_values, method=method)[1]
        assert adjust(p_values) == pytest.approx(expected, rel=1e-12, abs=0)


P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), max_size=8)


@settings(max_examples=100, deadline=None)
@given(P_VALUES, st.sets(st.integers(0, 8)), st.randoms(use_true_random=False))
def test_order_and_refused_tests_change_nothing(
    p_values: list[float], gaps: set[int], random: Random
) -> None:
    more: list[float | None] = list(p_values)
    for gap in sorted(gaps):
        more.insert(gap, None)
    shuffled = random.sample(range(len(more)), len(more))
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(more)
        assert [p is None for p in adjusted] == [p is None for p in more]
        assert [p for p in adjusted if p is not None] == adjust(p_values)
        assert adjust([more[i] for i in shuffled]) == [adjusted[i] for i in shuffled]
    if p_values:
        expected = false_discovery_control(p_values)
        assert benjamini_hochberg(p_values) == pytest.approx(expected, rel=1e-12)


def test_by_hand() -> None:
    assert holm([0.04, None, 0.01, 0.03]) == [0.06, None, 0.03, 0.06]
    assert benjamini_hochberg([0.04, None, 0.01, 0.03]) == [0.04, None, 0.03, 0.04]
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == benjamini_hochberg([]) == []
    assert holm([None]) == benjamini_hochberg([None]) == [None]


@pytest.mark.parametrize("wrong", [-0.01, 1.01, nan])
def test_what_is_no_p_value_is_an_error(wrong: float) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="a p-value is outside 0 to 1"):
            adjust([0.5, wrong, None])
