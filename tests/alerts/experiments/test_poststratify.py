"""Post-stratification against regression with all interactions, and how strata are merged."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alerts.experiments.distributions import critical
from alerts.experiments.estimates import estimate
from alerts.experiments.moments import Moments
from alerts.experiments.poststratify import merged, poststratify
from alerts.experiments.results import Refusal
from tests.alerts.experiments.reference import Users, arms, done, exactly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.experiments.values import Kind

KINDS = pytest.mark.parametrize("kind", ["mean", "ratio"])
GRID = pytest.mark.parametrize(
    ("sizes", "lift", "alpha"),
    [((40, 30), 0.0, 0.05), ((1000, 400), 0.2, 0.01), ((2000, 2100), 0.02, 0.2)],
    ids=str,
)


def segments(arm: Users) -> NDArray[np.int64]:
    """By what users did before: few, some, many."""
    return np.digitize(arm.floats("p"), np.quantile(arm.floats("p"), [0.4, 0.8]))


def by_segment(arm: Users) -> dict[str, Moments]:
    return {f"s{k}": arm[segments(arm) == k].moments() for k in np.unique(segments(arm))}


@GRID
def test_means_as_regression_with_interactions(
    sizes: tuple[int, int], lift: float, alpha: float
) -> None:
    """Lin's regression: the coefficient of the arm, with centred segments; HC2 is Σ w² s² / n."""
    users = arms("mean", sizes, lift)
    result = done(poststratify("mean", *map(by_segment, users), alpha=alpha))
    adjusted = done(result.adjusted)
    y = np.concatenate([arm.floats("m") for arm in users])
    segment = np.concatenate([segments(arm) for arm in users])
    arm = np.repeat([0.0, 1.0], sizes)
    dummies = (segment[:, None] == np.arange(1, segment.max() + 1)).astype(float)
    centred = dummies - dummies.mean(axis=0)
    design = np.column_stack([np.ones(len(y)), arm, centred, centred * arm[:, None]])
    fit = sm.OLS(y, design).fit(cov_type="HC2")
    assert (adjusted.difference, adjusted.std_error) == exactly(fit.params[1], fit.bse[1])
    assert adjusted.control == pytest.approx(fit.params[0], rel=1e-9)

    cells = [
        (y[mask], mask.sum())
        for k in range(3)
        for a in (0, 1)
        if (mask := (segment == k) & (arm == a)).any()
    ]
    shares = [np.mean(segment == k) for k in range(3) for _ in (0, 1)]
    parts = [w**2 * part.var(ddof=1) / n for w, (part, n) in zip(shares, cells, strict=True)]
    degrees = sum(parts) ** 2 / sum(v**2 / (n - 1) for v, (_, n) in zip(parts, cells, strict=True))
    assert adjusted.degrees_of_freedom == pytest.approx(degrees, rel=1e-9)
    bounds = stats.t.interval(1 - alpha, degrees, adjusted.difference, adjusted.std_error)
    assert (adjusted.interval.low, adjusted.interval.high) == exactly(*bounds)
    p_value = 2 * stats.t.sf(abs(adjusted.statistic), degrees)
    assert adjusted.p_value == pytest.approx(p_value, rel=1e-9, abs=0)
    assert (adjusted.method, adjusted.users) == ("post-stratified", sum(sizes))
    assert result.unadjusted == estimate("mean", *(a.moments() for a in users), alpha=alpha)
    expected = 1 - (adjusted.std_error / result.unadjusted.std_error) ** 2
    assert result.variance_cut == pytest.approx(expected)


@GRID
def test_ratios_as_weighted_users(sizes: tuple[int, int], lift: float, alpha: float) -> None:
    """The combined ratio is the plain one of users with weights, its variance within strata."""
    users = arms("ratio", sizes, lift)
    adjusted = done(done(poststratify("ratio", *map(by_segment, users), alpha=alpha)).adjusted)
    everyone = np.concatenate([segments(arm) for arm in users])
    ratios, variances = [], []
    for arm in users:
        mine = segments(arm)
        shares = {k: np.mean(everyone == k) / np.mean(mine == k) for k in np.unique(everyone)}
        weights = np.array([shares[k] for k in mine])
        m, d = arm.floats("m"), arm.floats("d")
        ratio, scale = (weights * m).sum() / (weights * d).sum(), (weights * d).mean()
        linear = (m - ratio * d) / scale
        ratios.append(ratio)
        variances.append(
            sum(
                np.mean(everyone == k) ** 2 * linear[mine == k].var(ddof=1) / (mine == k).sum()
                for k in shares
            )
        )
    std_error = sqrt(sum(variances))
    difference = ratios[1] - ratios[0]
    assert (adjusted.control, adjusted.treatment) == exactly(*ratios)
    assert adjusted.std_error == pytest.approx(std_error, rel=1e-9)
    bounds = stats.norm.interval(1 - alpha, difference, std_error)
    assert (adjusted.interval.low, adjusted.interval.high) == pytest.approx(bounds, rel=1e-9)
    assert adjusted.degrees_of_freedom is None


@KINDS
def test_the_lift_knows_that_both_levels_move_with_the_mix(kind: Kind) -> None:
    """At its ends, with what control's strata differ by: as if users' segments were drawn anew."""
    users = arms(kind, (900, 500), 0.5)
    adjusted = done(done(poststratify(kind, *map(by_segment, users))).adjusted)
    everyone = np.concatenate([segments(arm) for arm in users])
    quantile = critical(0.05, adjusted.degrees_of_freedom)
    own = []
    for arm, level in zip(users, (adjusted.control, adjusted.treatment), strict=True):
        top, bottom = arm.floats("m"), arm.floats("d")
        shares = [np.mean(everyone == k) for k in np.unique(everyone)]
        masks = [segments(arm) == k for k in np.unique(everyone)]
        scale = sum(w * bottom[k].mean() for w, k in zip(shares, masks, strict=True))
        linear = (top - level * bottom) / scale
        means = [linear[k].mean() for k in masks]
        within = [
            w**2 * linear[k].var(ddof=1) / k.sum() for w, k in zip(shares, masks, strict=True)
        ]
        own.append((sum(within), np.average(np.square(means), weights=shares) / len(everyone)))
    mix = own[0][1]
    for end in (adjusted.lift.interval.low, adjusted.lift.interval.high):
        contrast = adjusted.treatment - (1 + end) * adjusted.control
        variance = own[1][0] + (1 + end) ** 2 * own[0][0] + end**2 * mix
        assert abs(contrast) == pytest.approx(quantile * sqrt(variance), rel=1e-9)


def test_an_uneven_mix_is_put_right() -> None:
    """Simpson: treatment is better in both segments, and worse in the sum of them."""
    control = {"new": moments([1] * 50 + [2] * 50), "old": moments([10] * 200 + [11] * 200)}
    treatment = {"new": moments([2] * 200 + [3] * 200), "old": moments([11] * 50 + [12] * 50)}
    result = done(poststratify("mean", control, treatment))
    assert result.unadjusted.difference < -4
    assert done(result.adjusted).difference == 1
    assert result.variance_cut > 0.9


def moments(values: list[int]) -> Moments:
    m = np.array(values, dtype=np.int64)
    ones = np.ones_like(m)
    return Users(m, ones, ones, ones).moments()


def names(control: dict[str, int], treatment: dict[str, int]) -> list[str]:
    """Which segments make up the strata, by the counts of their users."""
    strata = merged(*({k: Moments(n) for k, n in arm.items()} for arm in (control, treatment)))
    assert sum(stratum.users for stratum in strata) == sum([*control.values(), *treatment.values()])
    return ["+".join(stratum.segments) for stratum in strata]


@pytest.mark.parametrize(
    ("control", "treatment", "expected"),
    [
        ({"b": 2, "a": 9}, {"a": 9, "b": 2}, ["a", "b"]),
        # Those with too few make up one.
        ({"a": 9, "z": 1, "b": 1}, {"a": 9, "z": 5, "b": 1}, ["a", "b+z"]),
        # Still too few in control: the smallest of the others joins, of two alike the first.
        ({"a": 9, "b": 4, "c": 4, "d": 1}, {"a": 9, "b": 4, "c": 4, "d": 9}, ["a", "c", "b+d"]),
        ({"a": 9, "b": 5, "c": 4, "d": 0}, {"a": 9, "b": 4, "c": 4, "d": 9}, ["a", "b", "c+d"]),
        # A segment that an arm does not have; one that nobody has.
        ({"a": 9, "b": 4}, {"b": 4, "c": 9, "e": 0}, ["a+c", "b"]),
        ({"a": 9}, {"c": 9}, ["a+c"]),
        ({"a": 1, "b": 3, "c": 1}, {"a": 1, "b": 3, "c": 1}, ["a+c", "b"]),
        ({"a": 1, "b": 3, "c": 1}, {"a": 1, "b": 3, "c": 0}, ["a+b+c"]),
        ({"a": 1, "b": 3, "c": 0}, {"a": 1, "b": 3, "c": 0}, ["a+b"]),
    ],
)
def test_strata_with_too_few_users_are_merged(
    control: dict[str, int], treatment: dict[str, int], expected: list[str]
) -> None:
    assert sorted(names(control, treatment)) == sorted(expected)
    assert names(treatment, control) == names(control, treatment)
    assert names(dict(reversed(control.items())), treatment) == names(control, treatment)


def test_one_stratum_adjusts_nothing_and_says_so() -> None:
    control, treatment = (arm.moments() for arm in arms("ratio", (50, 50), 0.0))
    result = done(poststratify("ratio", {"all": control}, {"all": treatment}))
    assert result.adjusted == Refusal("one stratum")
    assert result.unadjusted == estimate("ratio", control, treatment)
    assert [stratum.segments for stratum in result.strata] == [("all",)]


@KINDS
def test_what_cannot_be_tested_has_the_reason_of_the_unadjusted_test(kind: Kind) -> None:
    some = {"a": arms(kind, (20, 20), 0.0)[0].moments()}
    assert poststratify(kind, {}, some) == Refusal("no control")
    assert poststratify(kind, {"a": Moments(0)}, some) == Refusal("no control")
    assert poststratify(kind, some, {}) == Refusal("no treatment")
    assert poststratify(kind, some, {"b": moments([1])}) == Refusal("fewer than 2 users")
    alike = {"a": moments([2, 2, 2]), "b": moments([2, 2])}
    assert poststratify(kind, alike, alike) == Refusal("zero variance")
    idle = {"a": Moments(5)}
    assert poststratify("ratio", some, idle) == Refusal("zero denominator")


def test_segments_that_say_it_all() -> None:
    """Nothing varies within them."""
    apart = {"a": moments([2, 2, 2]), "b": moments([5, 5])}
    result = done(poststratify("mean", apart, apart))
    assert result.adjusted == Refusal("zero variance")


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from("abcd")), max_size=12
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["mean", "ratio"]), ROWS, ROWS)
def test_whatever_the_users(kind: Kind, first: Any, second: Any) -> None:
    """Nothing is NaN or infinite; who is in which arm decides the sign, names decide nothing."""

    def summed(rows: Any, rename: str = "abcd") -> dict[str, Moments]:
        parts: dict[str, Moments] = {}
        for m, d, segment in rows:
            user = Users(*(np.array([x], dtype=np.int64) for x in (m, d, 0, 0)))
            name = rename["abcd".index(segment)]
            parts[name] = parts.get(name, Moments(0)) + user.moments()
        return parts

    control, treatment = summed(first), summed(second)
    result = poststratify(kind, control, treatment)
    if isinstance(result, Refusal):
        whole = (sum(arm.values(), start=Moments(0)) for arm in (control, treatment))
        assert estimate(kind, *whole) == result
        return
    if isinstance(result.adjusted, Refusal):
        return
    adjusted, swapped = result.adjusted, done(poststratify(kind, treatment, control))
    assert isfinite(adjusted.p_value + adjusted.difference + adjusted.std_error)
    assert done(swapped.adjusted).statistic == -adjusted.statistic
    if len(result.strata) == len(control.keys() | treatment.keys()):
        renamed = poststratify(kind, summed(first, "zyxw"), summed(second, "zyxw"))
        assert done(done(renamed).adjusted) == adjusted
