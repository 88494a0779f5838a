"""Guardrails: margins as the file writes them, outcomes against plain intervals, pausing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from alerts.experiments.guardrails import (
    Direction,
    Guardrail,
    Judgement,
    Level,
    Margin,
    Pause,
    Watch,
    judge,
    pause,
    read_margin,
)
from alerts.experiments.results import Interval, Refusal

LOWER: Direction = "lower_is_better"
HIGHER: Direction = "higher_is_better"


def rail(threshold: str | float, direction: Direction = LOWER) -> Guardrail:
    return Guardrail("metric", direction, read_margin(threshold, direction))


def judged(guardrail: Guardrail, control: Level, treatment: Level) -> Judgement:
    result = judge(guardrail, control, treatment)
    assert isinstance(result, Judgement)
    return result


@pytest.mark.parametrize(
    ("threshold", "direction", "margin"),
    [
        ("+5%", LOWER, Margin(0.05, relative=True)),
        ("5 %", LOWER, Margin(0.05, relative=True)),
        ("-0.2%", HIGHER, Margin(0.002, relative=True)),
        ("+0.01", LOWER, Margin(0.01, relative=False)),
        (-0.002, HIGHER, Margin(0.002, relative=False)),
        (20, LOWER, Margin(20.0, relative=False)),
        (1e-7, LOWER, Margin(1e-7, relative=False)),
        ("0", LOWER, Margin(0.0, relative=False)),
        (0, HIGHER, Margin(0.0, relative=False)),
        ("-0%", LOWER, Margin(0.0, relative=True)),
        (".5%", LOWER, Margin(0.005, relative=True)),
    ],
)
def test_margins(threshold: str | float, direction: Direction, margin: Margin) -> None:
    assert read_margin(threshold, direction) == margin


@pytest.mark.parametrize("threshold", ["", "five", "5%%", "1e3", "+-5%", math.nan, math.inf, True])
def test_what_is_no_margin(threshold: str | float) -> None:
    with pytest.raises(ValueError, match="a threshold must be like"):
        read_margin(threshold, LOWER)


def test_a_margin_that_asks_for_an_improvement_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(ValueError, match=r"asks for an improvement; .* written \+5%"):
        read_margin("-5%", LOWER)
    with pytest.raises(ValueError, match=r"written -0.2%"):
        read_margin("0.2%", HIGHER)
    with pytest.raises(ValueError, match="0 or more"):
        Margin(-0.1, relative=True)


CONTROL = Level(100.0, 1.0, 5000)


@pytest.mark.parametrize(
    ("threshold", "treatment", "outcome"),
    [
        ("+5%", 100.0, "pass"),
        ("+5%", 102.0, "pass"),
        ("+5%", 103.0, "inconclusive"),
        ("+5%", 107.0, "inconclusive"),
        ("+5%", 109.0, "fail"),
        ("+5", 102.1, "pass"),
        ("+5", 102.3, "inconclusive"),
        ("0", 100.0, "pass"),
        ("0", 102.7, "pass"),
        ("0", 102.8, "fail"),
        ("0", 90.0, "pass"),
    ],
)
@pytest.mark.parametrize("direction", [LOWER, HIGHER])
def test_outcomes(threshold: str, treatment: float, outcome: str, direction: Direction) -> None:
    if direction == HIGHER:
        threshold, treatment = threshold.replace("+", "-"), 200 - treatment
    result = judged(rail(threshold, direction), CONTROL, Level(treatment, 1.0, 5000))
    assert result.outcome == outcome


GRID = list(
    itertools.product((LOWER, HIGHER), (0.0, 0.02, 0.3), (True, False), (0.2, 0.21, 0.26, 0.1))
)


@pytest.mark.parametrize(("direction", "size", "relative", "treatment"), GRID)
def test_p_values_against_plain_formulas(
    direction: Direction, size: float, relative: bool, treatment: float
) -> None:
    control = 0.2
    guardrail = Guardrail("metric", direction, Margin(size, relative=relative))
    result = judged(guardrail, Level(control, 0.02, 900), Level(treatment, 0.03, 900))
    worse = 1 if direction == LOWER else -1
    factor = 1 + worse * size if relative else 1.0
    bound = control * factor if relative else control + worse * size
    error = math.sqrt(0.03**2 + factor**2 * 0.02**2)
    assert result.std_error == pytest.approx(error, rel=1e-12)
    z = worse * (treatment - bound) / error
    assert result.p_beyond == pytest.approx(stats.norm.sf(z), rel=1e-9)
    assert result.p_within == pytest.approx(stats.norm.sf(-z), rel=1e-9)
    low, high = stats.norm.interval(0.95, worse * (treatment - bound), error)
    assert result.interval == Interval(pytest.approx(low), pytest.approx(high))


def fieller(control: Level, treatment: Level) -> tuple[float, float]:
    """The roots r of (t − r c)² = z² (se_t² + r² se_c²)."""
    z2 = stats.norm.isf(0.025) ** 2
    roots = np.roots(
        [
            control.value**2 - z2 * control.std_error**2,
            -2 * control.value * treatment.value,
            treatment.value**2 - z2 * treatment.std_error**2,
        ]
    )
    return float(min(roots) - 1), float(max(roots) - 1)


@pytest.mark.parametrize("treatment", [90.0, 101.0, 104.0, 112.0])
def test_a_relative_margin_agrees_with_fiellers_interval(treatment: float) -> None:
    control, other = Level(100.0, 9.0, 500), Level(treatment, 7.0, 500)
    low, high = fieller(control, other)
    for bound, side in ((low, "p_beyond"), (high, "p_within")):
        direction = LOWER if bound > 0 else HIGHER
        result = judged(
            Guardrail("m", direction, Margin(abs(bound), relative=True)), control, other
        )
        mirrored = {"p_beyond": "p_within", "p_within": "p_beyond"}[side]
        p_value = getattr(result, side if direction == LOWER else mirrored)
        assert p_value == pytest.approx(0.025, rel=1e-9)


def test_a_relative_margin_is_judged_where_control_is_hardly_above_0() -> None:
    control, treatment = Level(0.001, 0.001, 5000), Level(0.02, 0.002, 5000)
    assert judged(rail("+5%"), control, treatment).outcome == "fail"
    assert judged(rail("+5%"), Level(0.0, 0.0, 5000), treatment).outcome == "fail"


def test_at_the_margin_a_treatment_passes_in_two_and_a_half_percent() -> None:
    random = np.random.default_rng(99)
    outcomes = [
        judged(rail("-10%", HIGHER), Level(c, 0.01, 900), Level(t, 0.01, 900)).outcome
        for c, t in zip(random.normal(1, 0.01, 4000), random.normal(0.9, 0.01, 4000), strict=True)
    ]
    for outcome in ("pass", "fail"):
        assert abs(outcomes.count(outcome) / 4000 - 0.025) < 4 * math.sqrt(0.025 / 4000)


WATCH = Watch(guardrails=4, horizon_users=40_000)


def paused(guardrail: Guardrail, control: Level, treatment: Level, watch: Watch = WATCH) -> Pause:
    result = pause(guardrail, control, treatment, watch)
    assert isinstance(result, Pause)
    return result


def test_pausing_needs_harm_beyond_the_margin_by_the_sequence() -> None:
    bad = Level(105.5, 1.0, 5000)
    assert judged(rail("0"), CONTROL, bad).outcome == "fail"
    decision = paused(rail("0"), CONTROL, bad)
    assert (decision.is_due, decision.alpha) == (False, 0.0025)
    assert decision.at_least < 0
    worse = Level(107.0, 1.0, 5000)
    assert paused(rail("0"), CONTROL, worse).is_due
    assert not paused(rail("+5%"), CONTROL, worse).is_due
    assert not paused(rail("0", HIGHER), CONTROL, worse).is_due
    assert paused(rail("0", HIGHER), CONTROL, Level(93.0, 1.0, 5000)).is_due
    more = Watch(guardrails=1000, horizon_users=40_000)
    assert not paused(rail("0"), CONTROL, worse, more).is_due


def test_daily_looks_at_guardrails_without_harm() -> None:
    """Three guardrails over 28 days of an A/A: 1 % of 3,000 at most are paused by any."""
    random = np.random.default_rng(3)
    runs, days, step = 3000, 28, 1000
    watch = Watch(guardrails=3, horizon_users=2 * days * step)
    steps = random.standard_normal((runs, 3, days)).cumsum(axis=2)
    # Not 252,000 calls: excess and its error only matter through their quotient.
    bounds = []
    for day in range(1, days + 1):
        users, error = day * step, 1 / math.sqrt(day * step)
        level = Level(1.0, error / math.sqrt(2), users)
        decision = paused(rail("0"), level, level, watch)
        bounds.append(-decision.at_least / error)
    z = steps / np.sqrt(np.arange(1, days + 1))
    assert (z > np.array(bounds)).any(axis=(1, 2)).mean() <= 0.01
    assert (z > 1.96).any(axis=(1, 2)).mean() > 0.2


def test_refusals_and_errors() -> None:
    few, none = Level(1.0, 0.1, 99), Level(0.0, 0.0, 0)
    sure, lost = Level(1.0, 0.0, 500), Level(math.nan, 0.1, 500)
    below = Level(-1.0, 0.1, 500)
    for case, reason in (
        ((none, none), "not started"),
        ((few, CONTROL), "fewer than 100 users"),
        ((CONTROL, few), "fewer than 100 users"),
        ((sure, sure), "zero variance"),
        ((lost, CONTROL), "no estimate"),
        ((below, CONTROL), "control below 0"),
    ):
        assert judge(rail("+5%"), *case) == Refusal(reason)
        assert pause(rail("+5%"), *case, WATCH) == Refusal(reason)
    assert judged(rail("+5"), below, CONTROL).outcome == "fail"
    with pytest.raises(ValueError, match="alpha must be"):
        judge(rail("0"), CONTROL, CONTROL, alpha=0)
    with pytest.raises(ValueError, match="at least 1 guardrail"):
        Watch(guardrails=0, horizon_users=10)
