"""Predicted false episodes, held against simulated series on which nothing happens."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alerts.detectors import (
    Evidence,
    Limit,
    Point,
    Series,
    Verdict,
    drop,
    experiment_delta,
    noise,
    runs,
    week_over_week,
    zscore,
)
from alerts.detectors import threshold as fixed
from alerts.detectors.experiment_delta import Certainty
from alerts.detectors.noise import Level, Sureness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.random import Generator

DAY_ONE = date(2025, 1, 1)


def series(points: Sequence[Point | None]) -> Series:
    return Series((), [DAY_ONE + timedelta(days=n) for n in range(len(points))], points)


def shares(chance: Generator, rate: float, count: int, days: int) -> list[Point]:
    return [Point(int(n), count, count) for n in chance.binomial(count, rate, days)]


def fired(verdicts: Sequence[Verdict], needed: int, limit: Limit, keep: int = 1) -> int:
    return sum(run.fired is not None for run in runs(verdicts, needed, limit, keep=keep))


def counted(once: Callable[[Generator], int], times: int) -> tuple[float, float]:
    """The mean over simulated series, and four of its standard errors."""
    chance = np.random.default_rng(20250101)
    found = np.asarray([once(chance) for _ in range(times)])
    return float(found.mean()), 4 * float(found.std(ddof=1)) / times**0.5


def level(rate: float, count: float | None, days: int, dispersion: float = 1.0) -> Level:
    return Level(rate, (count,) * days, dispersion, is_share=True)


@pytest.mark.parametrize(("needed", "keep"), [(1, 1), (2, 1), (3, 1), (1, 3), (2, 2)])
def test_episodes_of_a_share_under_a_threshold(needed: int, keep: int) -> None:
    limit = Limit("<", 0.047)
    expected = noise.episodes(noise.threshold(level(0.05, 1500, 400), limit), needed, keep=keep)

    def once(chance: Generator) -> int:
        verdicts = fixed.judge(series(shares(chance, 0.05, 1500, 400)), limit)
        return fired(verdicts, needed, limit, keep)

    found, error = counted(once, 300)
    assert expected == pytest.approx(found, abs=error)
    assert expected > 5 * error


def test_an_interval_that_must_lie_beyond_the_threshold() -> None:
    limit = Limit("<", 0.049)
    sure = Sureness(0.8, 1.2)
    expected = noise.episodes(noise.threshold(level(0.05, 9000, 400), limit, sure), 1)

    def once(chance: Generator) -> int:
        verdicts = fixed.judge(
            series(shares(chance, 0.05, 9000, 400)), limit, Evidence(0.8, design_effect=1.2)
        )
        # What chance explains neither ends a run nor counts: it is rare that it joins two.
        return fired(verdicts, 1, limit)

    found, error = counted(once, 300)
    assert expected == pytest.approx(found, abs=error + 0.05 * found)


@pytest.mark.parametrize("needed", [1, 2])
def test_a_drop_from_a_baseline_that_freezes(needed: int) -> None:
    limit = Limit("<", -0.06)
    expected = noise.episodes(noise.drop(level(0.1, 4000, 200), limit, 7)[7:], needed)

    def once(chance: Generator) -> int:
        one = series(shares(chance, 0.1, 4000, 200))
        verdicts = drop.judge(one, limit, periods=7, minimum=5, frozen=14)
        return fired(verdicts[7:], needed, limit)

    found, error = counted(once, 500)
    assert expected == pytest.approx(found, abs=error + 0.05 * found)
    assert expected > 5 * error


def test_a_week_against_the_week_before() -> None:
    limit = Limit("<", -0.07)
    chances = noise.change(level(0.1, 4000, 400), [(4000, 4000)] * 400, limit)

    def once(chance: Generator) -> int:
        one = series(shares(chance, 0.1, 4000, 401))
        verdicts = week_over_week.judge(one, limit, periods=1, relative=True)
        return sum(verdict.outcome == "breach" for verdict in verdicts)

    found, error = counted(once, 300)
    assert sum(filter(None, chances)) == pytest.approx(found, abs=error)


@pytest.mark.parametrize(
    ("days", "needed", "floored"), [(28, 2, True), (28, 2, False), (28, 1, True), (14, 2, False)]
)
def test_a_z_score_on_either_side(days: int, needed: int, *, floored: bool) -> None:
    by_weekday = days >= 28
    chances = noise.zscore(
        level(0.1, 20_000, 300), 2.0, days, by_weekday=by_weekday, floored=floored
    )
    expected = 2 * noise.episodes(chances[days:], needed)
    setting = zscore.Setting(days=days, minimum=days // 2, design_effect=1.0, shares=floored)
    limit = Limit(">", 2.0, two_sided=True)

    def once(chance: Generator) -> int:
        scores = zscore.judge(series(shares(chance, 0.1, 20_000, 300)), setting)
        return fired([score.verdict for score in scores[days:]], needed, limit)

    found, error = counted(once, 300)
    assert expected == pytest.approx(found, abs=error + 0.1 * found)


@pytest.mark.parametrize("certainty", [None, Certainty(0.7, 1.0)])
def test_an_arm_against_control(certainty: Certainty | None) -> None:
    limit = Limit("<", -0.05)
    sure = Sureness(0.7, 1.0) if certainty else None
    chances = noise.change(level(0.05, 1800, 336), [(1800, 1800)] * 336, limit, sureness=sure)
    expected = noise.episodes(chances, 2)

    def once(chance: Generator) -> int:
        one = series(shares(chance, 0.05, 1800, 336))
        control = shares(chance, 0.05, 1800, 336)
        verdicts = experiment_delta.judge(one, control, limit, certainty)
        plain = [
            verdict._replace(outcome="ok") if verdict.outcome == "too_few" else verdict
            for verdict in verdicts
        ]
        return fired(plain, 2, limit)

    found, error = counted(once, 300)
    assert expected == pytest.approx(found, abs=error + 0.03 * found)


def test_the_example_of_the_plan_fires_about_28_times_in_a_fortnight() -> None:
    limit = Limit("<", -0.05)
    hours = noise.change(level(0.05, 1800, 336), [(1800, 1800)] * 336, limit)
    assert noise.episodes(hours, 2) == pytest.approx(28.1, abs=0.1)


def test_streaks_of_independent_requests() -> None:
    expected = noise.streak(5000, 0.6, 8)

    def once(chance: Generator) -> int:
        zero = "".join("0" if one else "x" for one in chance.random(5000) < 0.6)
        return sum(len(part) >= 8 for part in zero.split("x"))

    found, error = counted(once, 300)
    assert expected == pytest.approx(found, abs=error)


def test_a_level_is_told_from_the_series_itself() -> None:
    chance = np.random.default_rng(1)
    rates = chance.beta(0.1 * 999, 0.9 * 999, 400)  # an intraclass correlation of 0.001
    drawn = [Point(int(chance.binomial(2000, rate)), 2000, 2000) for rate in rates]
    drawn[200:203] = [Point(0, 2000, 2000)] * 3  # what happened once
    found = noise.level_of([*drawn, None, Point(1, 10, 10)], Limit("<", 0, 100), is_share=True)
    assert found is not None
    assert found.value == pytest.approx(0.1, abs=0.003)
    assert found.dispersion == pytest.approx(3.0, abs=0.6)
    assert found.counts[-3:] == (2000.0, None, None)
    assert found.typical == 2000
    money = [Point(n, 100) for n in 100 * chance.normal(7, 0.5, 300)]
    other = noise.level_of(money, Limit("<", 0), is_share=False)
    assert other is not None
    assert other.variance(100) == pytest.approx(0.25, rel=0.2)
    assert noise.level_of(money[:13], Limit("<", 0), is_share=False) is None


def test_breaches_do_not_add_up_over_a_gap() -> None:
    assert noise.episodes([1.0, 1.0, None, None, None, 1.0], 3, within=6) == 1
    assert noise.episodes([1.0, 1.0, *[None] * 6, 1.0], 3, within=6) == 0
    assert noise.episodes([1.0, 1.0, *[None] * 6, 1.0], 3) == 1
