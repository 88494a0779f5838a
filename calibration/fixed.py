"""Figures of the tests that are looked at once: A/As, coverage, CUPED, ramps."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.special import kolmogorov  # type: ignore[import-untyped]

from alerts.experiments.cuped import Cuped, cuped
from alerts.experiments.estimates import estimate
from alerts.experiments.poststratify import Poststratified, poststratify
from alerts.experiments.results import Estimate, Refusal
from calibration.figure import PUBLISHED, Bound, Floats, Spec, Summary, mean, rate
from calibration.users import CAPPED, HEAVY, SKEWED, bivariate, click_rate, clickers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from alerts.experiments.moments import Moments
    from alerts.experiments.values import Kind
    from calibration.users import Revenue

T = TypeVar("T")

USERS = 2000
LIFT = 0.05
NOMINAL = Bound(0.05, 0.05, errors=3.0)
COVERAGE = Bound(0.94, 0.97)
CLICKS = f"{USERS:,} users per arm; CTR, clicks in users, new and returning"
CENTS = f"{USERS:,} users per arm; 30 % buy, lognormal, capped at 200"
SKEW = f"{USERS:,} users per arm; 10 % buy, lognormal with σ = 1, uncapped"
TAIL = f"{USERS:,} users per arm; 10 % buy, lognormal with σ = 1.8, uncapped"
NEW, RETURNING = slice(0, USERS // 2), slice(USERS // 2, None)


def done(result: T | Refusal) -> T:
    """The result; these experiments have users enough for every test."""
    if isinstance(result, Refusal):
        raise TypeError(result.reason)
    return result


def _row(found: Estimate) -> tuple[float, float]:
    return found.p_value, found.statistic


def plain(kind: Kind, control: Moments, treatment: Moments) -> Estimate:
    """The unadjusted test."""
    return done(estimate(kind, control, treatment))


def adjusted(kind: Kind, control: Moments, treatment: Moments) -> Estimate:
    """The same with CUPED."""
    both: Cuped = done(cuped(kind, control, treatment))
    return done(both.adjusted)


def _aa_clicks(
    test: Callable[[Kind, Moments, Moments], Estimate], random: np.random.Generator, runs: int
) -> Floats:
    arms = [clickers(random, runs, USERS).moments() for _ in range(2)]
    return np.array([_row(test("ratio", *pair)) for pair in zip(*arms, strict=True)])


def _aa_revenue(
    test: Callable[[Kind, Moments, Moments], Estimate],
    revenue: Revenue,
    random: np.random.Generator,
    runs: int,
) -> Floats:
    arms = [revenue.draw(random, runs, USERS).moments() for _ in range(2)]
    return np.array([_row(test("mean", *pair)) for pair in zip(*arms, strict=True)])


def _aa_strata(random: np.random.Generator, runs: int) -> Floats:
    arms = [clickers(random, runs, USERS) for _ in range(2)]
    cells = zip(*(arm.moments(part) for arm in arms for part in (NEW, RETURNING)), strict=True)
    return np.array([_row(stratified(*cell)) for cell in cells])


def stratified(new: Moments, returning: Moments, other: Moments, others: Moments) -> Estimate:
    """Post-stratified by user type: both cells of control, then both of treatment."""
    both: Poststratified = done(
        poststratify(
            "ratio",
            {"new": new, "returning": returning},
            {"new": other, "returning": others},
        )
    )
    return done(both.adjusted)


def false_positives(outcomes: Floats) -> Summary:
    """The share of p < 0.05, by tail, and whether the p-values are uniform."""
    p_values, statistics = outcomes.T
    found = p_values < 0.05
    uniform = uniformity(p_values)
    low, high = ((found & (sign * statistics > 0)).mean() for sign in (-1, 1))
    beside = f"{100 * low:.2f} % below, {100 * high:.2f} % above; KS p {uniform:.3g}"
    # The error that a rate of 5 % has, which is what it is held against.
    error = math.sqrt(0.05 * 0.95 / len(found))
    return Summary(float(found.mean()), error, beside, sound=uniform > 0.001)


def uniformity(p_values: Floats) -> float:
    """The p-value of the test of Kolmogorov and Smirnov that p-values are uniform.

    With the factor of M. A. Stephens (JRSS B 32 (1970) 115-122), which makes the limiting
    distribution fit from a handful of values on.
    """
    values, count = np.sort(p_values), len(p_values)
    steps = np.arange(count + 1) / count
    distance = max((steps[1:] - values).max(), (values - steps[:-1]).max())
    return float(kolmogorov((math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count)) * distance))


def unbounded(outcomes: Floats) -> Summary:
    """The same where p-values need not be uniform and the rate may be far from 5 %."""
    error = rate((outcomes[:, 0] < 0.05).astype(float)).mc_error
    return replace(false_positives(outcomes), mc_error=error, sound=True)


def _covered(estimates: Iterable[Estimate], difference: float, *, relative: bool) -> Floats:
    """Whether the 95 % interval holds the true effect, and whether it has no bounds."""
    rows = []
    for found in estimates:
        interval, truth = (found.lift.interval, LIFT) if relative else (found.interval, difference)
        if interval.low is None or interval.high is None:
            rows.append((1.0, 1.0))
        else:
            rows.append((float(interval.low <= truth <= interval.high), 0.0))
    return np.array(rows)


def coverage(outcomes: Floats) -> Summary:
    """The share that holds the truth; what has no bounds does."""
    beside = f"without bounds: {100 * outcomes[:, 1].mean():.2f} %"
    return replace(rate(outcomes[:, 0]), beside=beside)


def _covered_clicks(relative: bool, random: np.random.Generator, runs: int) -> Floats:
    arms = [clickers(random, runs, USERS, lift=lift).moments() for lift in (0.0, LIFT)]
    found = (plain("ratio", *pair) for pair in zip(*arms, strict=True))
    return _covered(found, click_rate() * LIFT, relative=relative)


def _covered_revenue(
    revenue: Revenue,
    relative: bool,
    random: np.random.Generator,
    runs: int,
) -> Floats:
    arms = [revenue.draw(random, runs, USERS, lift=lift).moments() for lift in (0.0, LIFT)]
    found = (plain("mean", *pair) for pair in zip(*arms, strict=True))
    return _covered(found, revenue.mean() * LIFT, relative=relative)


CORRELATION = 0.7


def _cut(random: np.random.Generator, runs: int) -> Floats:
    arms = [bivariate(random, runs, USERS, CORRELATION).moments() for _ in range(2)]
    results = [done(cuped("mean", *pair)) for pair in zip(*arms, strict=True)]
    return np.array([result.variance_cut or 0.0 for result in results]) - CORRELATION**2


# A ramp: while 1 % of users are treated they click more than later, when half of them are.
EARLY, LATE, FALL = (3960, 40), (2000, 2000), 0.7


def _ramp(random: np.random.Generator, runs: int, *, whole: bool) -> Floats:
    rows = [
        [clickers(random, runs, size, level=level).moments() for size in sizes]
        for sizes, level in ((EARLY, 1.0), (LATE, FALL))
    ]
    cells = zip(*rows[0], *rows[1], strict=True)
    return np.array(
        [
            _row(plain("ratio", c1 + c2, t1 + t2) if whole else plain("ratio", c2, t2))
            for c1, t1, c2, t2 in cells
        ]
    )


RAMP = "4,000 users at 1 %, 4,000 at 50 %; CTR falls by 30 % between"

SPECS: tuple[Spec, ...] = (
    Spec("A/A, delta", CLICKS, partial(_aa_clicks, plain), false_positives, NOMINAL),
    Spec("A/A, CUPED of a ratio", CLICKS, partial(_aa_clicks, adjusted), false_positives, NOMINAL),
    Spec("A/A, post-stratified", CLICKS, _aa_strata, false_positives, NOMINAL),
    Spec("A/A, Welch", CENTS, partial(_aa_revenue, plain, CAPPED), false_positives, NOMINAL),
    Spec(
        "A/A, CUPED of a mean",
        CENTS,
        partial(_aa_revenue, adjusted, CAPPED),
        false_positives,
        NOMINAL,
    ),
    Spec("A/A, Welch, uncapped", TAIL, partial(_aa_revenue, plain, HEAVY), unbounded, PUBLISHED),
    Spec("coverage, absolute, CTR", CLICKS, partial(_covered_clicks, False), coverage, COVERAGE),
    Spec("coverage, relative, CTR", CLICKS, partial(_covered_clicks, True), coverage, COVERAGE),
    Spec(
        "coverage, absolute, capped revenue",
        CENTS,
        partial(_covered_revenue, CAPPED, False),
        coverage,
        COVERAGE,
    ),
    Spec(
        "coverage, relative, capped revenue",
        CENTS,
        partial(_covered_revenue, CAPPED, True),
        coverage,
        COVERAGE,
    ),
    Spec(
        "coverage, absolute, skewed revenue",
        SKEW,
        partial(_covered_revenue, SKEWED, False),
        coverage,
        COVERAGE,
    ),
    Spec(
        "coverage, relative, skewed revenue",
        SKEW,
        partial(_covered_revenue, SKEWED, True),
        coverage,
        COVERAGE,
    ),
    Spec(
        "coverage, absolute, heavy-tailed revenue",
        TAIL,
        partial(_covered_revenue, HEAVY, False),
        coverage,
        PUBLISHED,
    ),
    Spec(
        "coverage, relative, heavy-tailed revenue",
        TAIL,
        partial(_covered_revenue, HEAVY, True),
        coverage,
        PUBLISHED,
    ),
    Spec(
        "CUPED, variance cut − ρ²",
        f"{USERS:,} users per arm; normal, ρ = {CORRELATION}",
        _cut,
        mean,
        Bound(-0.02, 0.02),
        share=0.1,
    ),
    Spec("ramped A/A, decision", RAMP, partial(_ramp, whole=False), false_positives, NOMINAL),
    Spec("ramped A/A, all users pooled", RAMP, partial(_ramp, whole=True), unbounded, PUBLISHED),
)
