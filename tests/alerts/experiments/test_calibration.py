"""The figures of `make calibrate` in small: none may be refuted by its own Monte-Carlo error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from calibration import figure
from calibration.figure import Bound, Figure, Floats, Spec, Summary, measure, rate
from calibration.fixed import uniformity
from calibration.table import SPECS, document, must_be

RUNS, SEED = 100, 20_250_301


def small(spec: Spec) -> Figure:
    (found,) = measure([spec], RUNS, SEED)
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_figure_is_refuted(spec: Spec) -> None:
    found = small(spec)
    assert not found.is_refuted, found.summary


def coins(random: np.random.Generator, runs: int) -> Floats:
    return (random.random(runs) < 0.3).astype(float)


COINS = Spec("coins", "of a bent coin", coins, rate, Bound(0.3, 0.3, errors=3.0))


def test_a_figure_off_its_bound_is_refuted() -> None:
    assert small(COINS).holds
    for bound in (Bound(low=0.5), Bound(high=0.1), Bound(0.5, 0.5, errors=3.0)):
        wrong = small(replace(COINS, bound=bound))
        assert wrong.is_refuted
        assert not wrong.holds
    unsound = replace(COINS, summarize=lambda rows: replace(rate(rows), sound=False))
    assert small(unsound).is_refuted


def test_a_figure_that_misses_its_bound_by_chance_does_not_hold_and_is_not_refuted() -> None:
    near = Figure(replace(COINS, bound=Bound(high=0.3)), 100, 1, Summary(0.31, 0.046))
    assert not near.holds
    assert not near.is_refuted


def test_the_seed_and_nothing_else_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure, "CHUNK", 70)
    (alone,) = measure([COINS], 300, SEED)
    both = list(measure([replace(COINS, name="others"), COINS], 300, SEED))
    assert both[1].summary == alone.summary
    assert both[0].summary != alone.summary
    (other,) = measure([COINS], 300, SEED + 1)
    assert other.summary != alone.summary


def test_more_processes_give_the_same() -> None:
    (alone,), (shared,) = (list(measure([COINS], 300, SEED, count)) for count in (1, 2))
    assert shared.summary == alone.summary


def test_uniformity_against_scipy() -> None:
    random = np.random.default_rng(1)
    for count, power in ((40, 1.0), (400, 1.0), (400, 1.1)):
        values = random.random(count) ** power
        expected = stats.kstest(values, "uniform").pvalue
        assert uniformity(values) == pytest.approx(expected, rel=0.05)


def test_the_page() -> None:
    page = document([small(COINS), small(replace(COINS, bound=Bound(low=0.5)))])
    assert "Seed 20250301" in page
    assert "| 30 % ± 3 errors | yes |" in page
    assert "| ≥ 50 % | **no** |" in page
    assert must_be(Bound(0.94, 0.97), percent=True) == "94 % to 97 %"
    assert must_be(Bound(high=1.5), percent=False) == "≤ 1.5"
    assert must_be(Bound(), percent=True) == "published"
