"""z-scores of days, against a plain reference and by simulation."""

from __future__ import annotations

import math
import statistics
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors import Point, Series, Single, Zeros
from alerts.detectors.zscore import Score, Setting, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.detectors.series import Bucket

MONDAY = date(2025, 3, 3)
PLAIN = Setting(days=14)


def scores(points: Sequence[Bucket | None], setting: Setting | None = None) -> list[Score]:
    buckets = [MONDAY + timedelta(days=n) for n in range(len(points))]
    return judge(Series((), buckets, points), setting)


def figures(*values: float | None) -> list[Bucket | None]:
    return [None if value is None else Single(value) for value in values]


def letters(found: list[Score]) -> str:
    """`.` ok, `b` breach, `F` firing, `?` not to be told."""
    return "".join(
        "F" if s.firing else {"ok": ".", "breach": "b"}.get(s.outcome, "?") for s in found
    )


def plain(
    values: list[float | None], *, days: int, minimum: int, frozen: int, weekdays: bool
) -> list[tuple[float | None, bool]]:
    """The same day by day, each baseline made anew: z and whether it fires."""
    found: list[tuple[float | None, bool]] = []
    begun: int | None = None
    signs: list[int] = []
    for today, value in enumerate(values):
        if begun is not None and today >= begun + frozen:
            begun = None
        end = today if begun is None else begun
        window = [(n, values[n]) for n in range(max(end - days, 0), end) if values[n] is not None]
        past = [(n, float(v)) for n, v in window if v is not None]
        if value is None or len(past) < minimum:
            found.append((None, False))
            continue
        by_day = {d: [v for n, v in past if n % 7 == d] for d in range(7)}
        if weekdays and min(end, days) >= 28 and all(len(v) >= 3 for v in by_day.values()):
            own = by_day[today % 7]
            rest = [v - statistics.fmean(by_day[n % 7]) for n, v in past]
            mean = statistics.fmean(own)
            sd = math.sqrt(sum(r * r for r in rest) / (len(rest) - 7) * (1 + 1 / len(own)))
        else:
            mean = statistics.fmean(v for _, v in past)
            sd = statistics.stdev(v for _, v in past)
        if not sd:
            found.append((None, False))
            continue
        z = (value - mean) / sd
        if abs(z) > 2:
            begun = today if begun is None else begun
            signs.append(1 if z > 0 else -1)
            found.append((z, len(signs) > 1 and signs[-1] == signs[-2]))
        else:
            begun, signs = None, []
            found.append((z, False))
    return found


@given(
    values=st.lists(st.none() | st.sampled_from([0.0, 0.0, 1.0, 2.0, 40.0]), max_size=60),
    days=st.sampled_from([7, 14, 28, 35]),
    minimum=st.integers(2, 7),
    frozen=st.integers(1, 9),
)
def test_scores_equal_the_plain_reference(
    values: list[float | None], days: int, minimum: int, frozen: int
) -> None:
    setting = Setting(days=days, minimum=minimum, frozen=frozen)
    found = scores(figures(*values), setting)
    expected = plain(values, days=days, minimum=minimum, frozen=frozen, weekdays=True)
    assert [score.firing for score in found] == [firing for _, firing in expected]
    for score, (z, _) in zip(found, expected, strict=True):
        assert score.z == (z if z is None else pytest.approx(z, rel=1e-9, abs=1e-9))


def wave(count: int) -> list[float]:
    """A mean of 10 and a standard deviation near 1, without a weekly shape."""
    return [10 + (1 if n % 2 else -1) * (1 + 0.01 * (n % 3)) for n in range(count)]


def test_today_is_no_part_of_its_baseline() -> None:
    found = scores(figures(*wave(14), 1000.0), PLAIN)[-1]
    assert found.z is not None
    assert found.z > 500  # with itself in it no z is above 13/√14 = 3.5


def test_one_day_breaches_and_the_second_on_the_same_side_fires() -> None:
    quiet = figures(*wave(14))
    assert letters(scores([*quiet, *figures(5, 5, 5, 10)], PLAIN)) == "?" * 14 + "bFF."
    assert letters(scores([*quiet, *figures(5, 10, 5)], PLAIN)) == "?" * 14 + "b.b"
    assert letters(scores([*quiet, *figures(5, 15, 5, 5, 15, 15)], PLAIN)) == "?" * 14 + "bbbFbF"


def test_exactly_the_bound_is_no_breach() -> None:
    setting = Setting(days=2, minimum=2)
    (*_, at) = scores(figures(-1.0, 1.0, 2 * math.sqrt(2)), setting)
    (*_, above) = scores(figures(-1.0, 1.0, 2.0001 * math.sqrt(2)), setting)
    assert (at.z, at.outcome, above.outcome) == (2.0, "ok", "breach")


def test_the_baseline_is_frozen_for_a_fortnight_and_then_the_new_level() -> None:
    found = scores(figures(*wave(28), *(n - 8 for n in wave(28))), Setting(days=28))
    run = found[28:42]
    assert letters(found)[14:] == "." * 14 + "b" + "F" * 13 + "." * 14
    assert [score.sd for score in run] == pytest.approx([run[0].sd] * 14, rel=1e-12)
    assert found[42].mean != run[0].mean


def test_the_return_releases_the_baseline_and_the_fall_is_past() -> None:
    found = scores(figures(*wave(14), 5, 5, *wave(4)), PLAIN)
    assert letters(found) == "?" * 14 + "bF" + "...."
    frozen, released = found[16], found[17]
    assert frozen.mean == found[14].mean
    assert released.mean is not None
    assert frozen.mean is not None
    assert released.mean < frozen.mean - 0.5  # 5 and 5 are among the 14 days now
    assert released.sd is not None
    assert frozen.sd is not None
    assert released.sd > frozen.sd


def test_a_gap_neither_ends_a_run_nor_counts() -> None:
    found = scores(figures(*wave(14), 5, None, 5), PLAIN)
    assert letters(found) == "?" * 14 + "b?F"
    assert found[-1].mean == found[14].mean


def test_weekdays_are_compared_with_their_own() -> None:
    random = np.random.default_rng(4)
    shape = [0, 0, 0, 0, 0, 50, 80]
    values = [100 + shape[n % 7] + random.normal() for n in range(49)]
    found = scores(figures(*values))
    # The fourth Sunday is still judged among all days, breaches, and holds the first Monday back.
    assert letters(found)[27] == "b"
    assert [score.by_weekday for score in found] == [False] * 29 + [True] * 20
    assert "F" not in letters(found)
    # A Saturday like a Monday is far off, though nothing of the sort for the days as a whole.
    values[47] = 100.0
    last = scores(figures(*values))[47]
    assert last.z is not None
    assert last.z < -20
    whole = (100.0 - statistics.fmean(values[19:47])) / statistics.stdev(values[19:47])
    assert abs(whole) < 1


def test_a_missing_day_or_two_leave_the_weekdays() -> None:
    values: list[float | None] = [*wave(28), 10.0]
    values[5] = values[13] = None  # a Saturday and a Sunday
    assert scores(figures(*values))[-1].by_weekday
    values[12] = None  # a second Saturday
    last = scores(figures(*values))[-1]
    assert not last.by_weekday
    assert last.z is not None


def test_the_weekday_formula_by_hand() -> None:
    random = np.random.default_rng(8)
    values = random.normal(50, 3, 29)
    last = scores(figures(*values.tolist()))[-1]
    table = values[:28].reshape(4, 7)
    residuals = table - table.mean(axis=0)
    sd = math.sqrt((residuals**2).sum() / (28 - 7) * (1 + 1 / 4))
    assert last.mean == pytest.approx(table[:, 0].mean(), rel=1e-12)
    assert last.sd == pytest.approx(sd, rel=1e-12)
    assert last.z == pytest.approx((values[28] - table[:, 0].mean()) / sd, rel=1e-12)


def rates(*shares: float, of: int) -> list[Bucket | None]:
    return [Point(share * of, of, of) for share in shares]


def test_the_floor_is_the_binomial_noise_of_the_days_own_denominator() -> None:
    steady = rates(*[0.1, 0.1001] * 7, of=1_000_000)
    (*_, large) = scores([*steady, *rates(0.102, of=1_000_000)], PLAIN)
    (*_, small) = scores([*steady, *rates(0.102, of=400)], PLAIN)
    mean = 0.10005
    noise = math.sqrt(mean * (1 - mean) / 400)
    assert (large.outcome, small.outcome) == ("breach", "ok")
    assert (large.floored, small.floored) == (True, True)
    assert small.sd == pytest.approx(noise, rel=1e-9)
    assert small.z == pytest.approx((0.102 - mean) / noise, rel=1e-9)
    setting = Setting(days=14, design_effect=4.0)
    (*_, wider) = scores([*steady, *rates(0.102, of=400)], setting)
    assert wider.sd == pytest.approx(2 * noise, rel=1e-9)
    (*_, money) = scores([*steady, *rates(0.102, of=400)], Setting(days=14, shares=False))
    assert (money.outcome, money.floored) == ("breach", False)


def test_the_floor_of_a_figure_is_its_standard_error() -> None:
    (*_, last) = scores([*figures(*wave(14)), Single(15.0, error=4.0)], PLAIN)
    assert (last.sd, last.floored) == (4.0, True)
    (*_, last) = scores([*figures(*wave(14)), Single(15.0, error=math.nan)], PLAIN)
    assert last.floored is False


def test_why_a_day_cannot_be_told() -> None:
    early = scores(figures(*wave(14)), PLAIN)[-1]
    assert (early.outcome, early.reason) == ("too_few", "fewer than 14 days before it")
    same = scores(figures(*[3.0] * 15), PLAIN)[-1]
    assert (same.outcome, same.reason, same.z) == ("too_few", "zero variance", None)
    for gap in (None, Single(math.nan), Point(1, 0)):
        missing = scores([*figures(*wave(14)), gap], PLAIN)[-1]
        assert (missing.outcome, missing.reason) == ("invalid" if gap else "no_data", "no value")
    least = Setting(days=14, least=100)
    few = scores([*rates(*[0.1, 0.2] * 7, of=1000), *rates(0.9, of=99)], least)[-1]
    assert (few.outcome, few.reason) == ("too_few", "fewer than 100")
    # Small days are no past either.
    small = scores([*rates(*[0.1, 0.2] * 7, of=99), *rates(0.9, of=1000)], least)[-1]
    assert small.reason == "fewer than 14 days before it"
    huge = scores(figures(*[0.0, 1e-300] * 7, 1e300), PLAIN)[-1]
    assert (huge.outcome, huge.z) == ("too_few", None)
    assert scores([*figures(*wave(14)), Zeros(3, 1, 4, 9)], PLAIN)[-1].outcome == "breach"


def test_a_verdict_is_what_the_other_detectors_give() -> None:
    score = scores(figures(*wave(14), 5), PLAIN)[-1]
    verdict = score.verdict
    assert (verdict.outcome, verdict.value, verdict.before) == ("breach", score.z, score.mean)
    assert verdict.point == Single(5)


def test_settings_that_make_no_sense() -> None:
    for wrong in (
        {"minimum": 1},
        {"days": 7},
        {"frozen": 0},
        {"consecutive": 0},
        {"bound": 0.0},
        {"design_effect": -1.0},
    ):
        with pytest.raises(ValueError, match=r"must|needs"):
            Setting(**wrong)


def test_false_episodes_and_recall_on_independent_days() -> None:
    """30 series-years of noise: at most 1.5 false episodes each; every shift of 4 sd is found."""
    random = np.random.default_rng(12)
    episodes = missed = 0
    for _ in range(30):
        noise = random.normal(0, 1, 28 + 365)
        fired = letters(scores(figures(*noise.tolist())))
        episodes += sum(a != "F" and b == "F" for a, b in pairwise(fired))
        shifted = noise[:49].copy()
        shifted[42:] += 4
        missed += "F" not in letters(scores(figures(*shifted.tolist())))[42:]
    assert episodes / 30 <= 1.5
    assert missed <= 1
