"""Intervals of shares, and the design effect that a series shows itself."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors import Evidence, Limit, Point, Series, Single, threshold
from alerts.detectors.evidence import USUAL, design_effects, wilson
from alerts.detectors.sentences import Wording, describe
from alerts.detectors.series import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.detectors.series import Bucket

START = date(2025, 1, 1)
BELOW = Limit("<", 0.05)


def series(points: Sequence[Bucket | None]) -> Series:
    return Series((), [START + timedelta(days=n) for n in range(len(points))], points)


def drawn(seed: int, days: int, *, between: float = 0.0) -> list[Point]:
    """Shares of 10 % on 2,000 events whose level differs by day with an intraclass correlation."""
    chance = np.random.default_rng(seed)
    rates = np.full(days, 0.1)
    if between:
        size = 1 / between - 1
        rates = chance.beta(0.1 * size, 0.9 * size, days)
    return [Point(int(chance.binomial(2000, rate)), 2000) for rate in rates]


def test_wilson_is_the_interval_of_the_books() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998: 81 of 263.
    low, high = wilson(81 / 263, 263, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = wilson(0.0, 20, 0.95)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(0.1611, abs=1e-4)


@pytest.mark.parametrize(("between", "expected"), [(0.0, 1.0), (0.001, 3.0), (0.004, 9.0)])
def test_the_design_effect_is_that_of_the_series(between: float, expected: float) -> None:
    found = [design_effects(drawn(seed, 220, between=between))[-1] for seed in range(40)]
    assert float(np.mean(found)) == pytest.approx(expected, rel=0.12)


def test_one_bucket_out_of_the_ordinary_does_not_raise_it() -> None:
    points = drawn(1, 220, between=0.001)
    broken = [*points[:100], Point(0, 2000), *points[101:]]
    assert design_effects(broken)[-1] == pytest.approx(design_effects(points)[-1], rel=0.1)


def test_what_comes_later_changes_nothing() -> None:
    points = drawn(2, 60, between=0.001)
    whole = design_effects(points)
    assert all(design_effects(points[:n]) == whole[:n] for n in range(60))


def test_too_short_a_past_takes_what_is_usual() -> None:
    effects = design_effects(drawn(3, 40, between=0.02))
    # Fourteen pairs of neighbours are the fifteen buckets before the sixteenth.
    assert set(effects[:15]) == {USUAL}
    assert effects[15] != USUAL
    assert set(design_effects([Point(0, 10)] * 30)) == {USUAL}
    gaps = [point if n % 2 else None for n, point in enumerate(drawn(4, 60))]
    assert set(design_effects(gaps)) == {USUAL}


def test_a_share_beyond_the_bound_must_be_so_for_certain() -> None:
    points = [Point(40, 1000), Point(20, 1000), Point(60, 1000), Point(0, 0), None]
    verdicts = threshold.judge(series(points), BELOW, Evidence(0.95, 1.5))
    assert [one.outcome for one in verdicts] == ["too_few", "breach", "ok", "invalid", "no_data"]
    assert [one.sure for one in verdicts] == [False, True, None, None, None]
    scale = verdicts[1].scale
    assert isinstance(scale, Interval)
    assert (scale.low, scale.high) == wilson(0.02, 1000 / 1.5, 0.95)
    assert scale.high < 0.05


def test_the_sentence_gives_the_interval() -> None:
    wording = Wording("ctr", "share", "clicks", "impressions", chance="at 95 %")
    doubtful, certain = threshold.judge(
        series([Point(40, 1000), Point(20, 1000)]), BELOW, Evidence(0.95, 1.5)
    )
    assert describe(doubtful, BELOW, wording) == (
        "ctr 4 % < 5 % (clicks 40 / impressions 1,000), between 2.757 % and 5.77 % at 95 % "
        "(design effect 1.5)"
    )
    assert "between 1.18 % and 3.37 %" in describe(certain, BELOW, wording)


def test_what_is_no_share_is_judged_by_its_value() -> None:
    verdicts = threshold.judge(series([Single(0.01), Point(0, None)]), BELOW, Evidence(0.95))
    assert [one.outcome for one in verdicts] == ["breach", "breach"]


@given(
    share=st.floats(0, 1),
    events=st.floats(1, 1e6),
    confidence=st.floats(0.51, 0.999),
    bound=st.floats(0.001, 0.999),
)
def test_an_interval_holds_its_share_and_breaches_only_beyond_the_bound(
    share: float, events: float, confidence: float, bound: float
) -> None:
    low, high = wilson(share, events, confidence)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    point = Point(share * events, events)
    for limit in (Limit("<", bound), Limit(">", bound)):
        (verdict,) = threshold.judge(series([point]), limit, Evidence(confidence, 1.0))
        if verdict.outcome == "breach":
            assert high < bound if limit.operator == "<" else low > bound
