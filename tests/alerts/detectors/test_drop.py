"""A fall against the time before, against a plain reference."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors import Limit, Point, Series, Single, Verdict, drop
from alerts.detectors.sentences import Compared, Wording, describe

MONDAY = date(2025, 3, 3)
WORDS = Wording(
    *("rate", "share", "personalized_items", "served_items", "served_items"),
    compared=Compared("share", "change of rate", "in the 7d before", "the fall", "too little"),
)
POINTS = st.none() | st.builds(
    lambda top, bottom: Point(min(top, bottom), bottom, bottom),
    st.integers(0, 40),
    st.integers(0, 40),
)


def judged(
    points: list[Point | Single | None],
    limit: Limit,
    *,
    periods: int = 7,
    minimum: int = 5,
    frozen: int = 14,
) -> list[Verdict]:
    buckets = [MONDAY + timedelta(days=n) for n in range(len(points))]
    series = Series((), buckets, points)
    return drop.judge(series, limit, periods=periods, minimum=minimum, frozen=frozen)


def plain(
    points: list[Point | None],
    *,
    bound: Fraction,
    least: int,
    periods: int,
    minimum: int,
    frozen: int,
) -> list[str]:
    """The same day by day in fractions, each baseline summed anew."""
    outcomes: list[str] = []
    since: int | None = None
    for today, point in enumerate(points):
        if since is not None and today >= since + frozen:
            since = None
        end = today if since is None else since
        days = [p for p in points[max(end - periods, 0) : end] if p and p.denominator]
        days = [p for p in days if p.denominator >= least]
        top = sum(int(p.numerator) for p in days)
        if point is None:
            outcomes.append("no_data")
        elif not point.denominator:
            outcomes.append("invalid")
        elif len(days) < minimum or not top or point.denominator < least:
            outcomes.append("too_few")
        else:
            before = Fraction(top, sum(int(p.denominator or 0) for p in days))
            now = Fraction(int(point.numerator), int(point.denominator))
            outcomes.append("breach" if now / before - 1 < bound else "ok")
            since = (end if since is not None else today) if outcomes[-1] == "breach" else None
    return outcomes


@given(
    points=st.lists(POINTS, max_size=30),
    quarters=st.integers(-4, 0),
    least=st.integers(1, 20),
    baseline=st.fixed_dictionaries(
        {
            "periods": st.integers(1, 7),
            "minimum": st.integers(1, 4),
            "frozen": st.integers(1, 9),
        }
    ),
)
def test_verdicts_equal_the_plain_reference(
    points: list[Point | None], quarters: int, least: int, baseline: dict[str, int]
) -> None:
    found = judged(list(points), Limit("<", quarters / 4, minimum=least), **baseline)
    expected = plain(points, bound=Fraction(quarters, 4), least=least, **baseline)
    assert [verdict.outcome for verdict in found] == expected


def days(*shares: int) -> list[Point | Single | None]:
    return [Point(share, 100, 100) for share in shares]


FIVE = Limit("<", -0.05, minimum=50)


def outcomes(points: list[Point | Single | None]) -> str:
    return "".join(verdict.outcome[0] for verdict in judged(points, FIVE))


def test_a_fall_that_stays_is_seen_for_a_fortnight_and_is_then_the_new_level() -> None:
    found = judged(days(*[60] * 7, *[50] * 20), FIVE)
    assert outcomes(days(*[60] * 7, *[50] * 20)) == "t" * 5 + "oo" + "b" * 14 + "o" * 6
    assert {verdict.before for verdict in found[7:21]} == {0.6}
    assert found[21].before == 0.5


def test_after_the_return_the_days_of_the_fall_are_past_like_all_others() -> None:
    found = judged(days(*[60] * 7, 50, 50, 60, 60), FIVE)
    assert [verdict.before for verdict in found[7:]] == pytest.approx(
        [0.6, 0.6, 0.6, (5 * 60 + 2 * 50) / 700]
    )
    assert outcomes(days(*[60] * 7, *[50] * 7, 60, 50)) == "t" * 5 + "oo" + "b" * 7 + "oo"


def test_what_cannot_be_judged_does_not_release_the_baseline() -> None:
    fall: list[Point | Single | None] = [*days(50), None, Point(1, 10, 10), *days(50)]
    found = judged([*days(*[60] * 7), *fall], FIVE)[7:]
    assert [verdict.outcome for verdict in found] == ["breach", "no_data", "too_few", "breach"]
    assert {verdict.before for verdict in found} == {0.6}


def test_a_further_fall_is_a_fall_from_the_new_level() -> None:
    assert outcomes(days(*[60] * 7, *[50] * 14, 40, 40, 50))[7:] == "b" * 16 + "o"


def test_a_fall_of_exactly_the_bound_is_not_beyond_it() -> None:
    for scale in (1, 7, 1000, 123_457):
        before = [Point(60 * scale, 100 * scale) for _ in range(7)]
        assert judged([*before, Point(57 * scale, 100 * scale)], FIVE)[-1].outcome == "ok"
        assert judged([*before, Point(57 * scale - 1, 100 * scale)], FIVE)[-1].outcome == "breach"


def test_the_days_before_are_pooled_not_averaged() -> None:
    before = [*days(*[60] * 6), Point(9000, 10_000, 10_000)]
    assert judged([*before, Point(60, 100, 100)], FIVE)[-1].before == pytest.approx(9360 / 10_600)


def test_a_count_and_a_figure_are_compared_with_their_mean() -> None:
    counts: list[Point | Single | None] = [Point(n, None, 99) for n in (1, 2, 3, 4, 5, 6, 7)]
    figures: list[Point | Single | None] = [Single(n, guard=99) for n in (1, 2, 3, 4, 5, 6, 7)]
    for points, now in ((counts, Point(3, None, 99)), (figures, Single(3, guard=99))):
        verdict = judged([*points, now], FIVE)[-1]
        assert (verdict.before, verdict.value) == (4.0, -0.25)


def test_small_and_missing_days_are_no_baseline() -> None:
    few = [*days(*[60] * 4), None, Point(1, 10, 10), Point(0, 0, 0)]
    (*_, verdict) = judged([*few, Point(10, 100, 100)], FIVE)
    assert verdict.outcome == "too_few"
    assert describe(verdict, FIVE, WORDS) == (
        "too little in the 7d before 2025-03-10 to compare with"
    )
    (*_, verdict) = judged([*days(*[60] * 5), None, None, Point(10, 100, 100)], FIVE)
    assert verdict.outcome == "breach"


def test_sentences() -> None:
    said = [describe(v, FIVE, WORDS) for v in judged(days(*[60] * 7, 55, 60), FIVE)[-2:]]
    assert said == [
        "change of rate -8.333 % < -5 % (55 % after 60 % in the 7d before the fall; "
        "personalized_items 55 / served_items 100)",
        "change of rate 0 % not < -5 % (60 % after 60 % in the 7d before; "
        "personalized_items 60 / served_items 100)",
    ]
    nothing = judged(days(*[0] * 7, 10), FIVE)[-1]
    assert describe(nothing, FIVE, WORDS) == (
        "change of rate has no value: personalized_items was 0 in the 7d before"
    )
