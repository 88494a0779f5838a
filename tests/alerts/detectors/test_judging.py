"""Verdicts of single buckets."""

import math
from datetime import date, timedelta

import pytest

from alerts.detectors import Limit, Point, Series, threshold, week_over_week
from alerts.detectors.sentences import Compared, Wording, describe, number

MONDAY = date(2025, 3, 3)
CTR = Wording("ctr", "share", "clicks", "impressions", guard="impressions")
CHANGE = Wording(
    *("wow_change_relative", "share", "clicks", "impressions", "impressions"),
    compared=Compared("share", "wow_change_relative"),
)


def daily(*points: Point | None) -> Series:
    days = [MONDAY + timedelta(days=i) for i in range(len(points))]
    return Series((("surface", "home"),), days, points)


def outcomes(series: Series, limit: Limit) -> list[str]:
    return [verdict.outcome for verdict in threshold.judge(series, limit)]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("<", ["breach", "ok", "ok"]),
        ("<=", ["breach", "breach", "ok"]),
        (">", ["ok", "ok", "breach"]),
        (">=", ["ok", "breach", "breach"]),
    ],
)
def test_the_bound_itself_is_a_breach_only_with_equality(
    operator: str, expected: list[str]
) -> None:
    series = daily(Point(3, 100), Point(4, 100), Point(5, 100))
    assert outcomes(series, Limit(operator, 0.04)) == expected


@pytest.mark.parametrize(
    "point",
    [None, Point(0, 0, 0), Point(3, 0, 0), Point(math.nan, 5), Point(5, math.nan), Point(1, None)],
)
def test_nothing_to_divide_is_never_fine(point: Point | None) -> None:
    expected = "invalid" if point else "no_data"
    expected = "ok" if point == Point(1, None) else expected
    assert outcomes(daily(point), Limit("<", 0.5)) == [expected]


def test_a_small_bucket_is_not_judged() -> None:
    series = daily(Point(0, 499, 499), Point(0, 500, 500), Point(0, 0, 0))
    assert outcomes(series, Limit("<", 0.04, minimum=500)) == ["too_few", "breach", "invalid"]


def test_week_over_week_compares_with_the_week_before_and_no_other() -> None:
    series = daily(Point(100, 1000), None, Point(50, 1000), Point(40, 1000), Point(0, 1000))
    judged = week_over_week.judge(series, Limit("<", -0.15), periods=1, relative=True)
    assert [v.outcome for v in judged] == ["too_few", "no_data", "too_few", "breach", "breach"]
    assert [v.value for v in judged[3:]] == [-0.2, -1.0]
    assert judged[3].before == 0.05


def test_a_fall_of_exactly_the_bound_is_not_beyond_it() -> None:
    for scale in (1, 3, 7, 1000, 123_457):
        series = daily(Point(100 * scale, 1000 * scale), Point(85 * scale, 1000 * scale))
        limit = Limit("<", -0.15)
        assert week_over_week.judge(series, limit, periods=1, relative=True)[1].outcome == "ok"


def test_the_absolute_change_is_in_points() -> None:
    series = daily(Point(50, 1000), Point(30, 1000))
    limit = Limit("<", -0.01)
    (_, verdict) = week_over_week.judge(series, limit, periods=1, relative=False)
    assert verdict.value == pytest.approx(-0.02)
    assert verdict.outcome == "breach"


def test_after_a_week_without_clicks_there_is_no_relative_change() -> None:
    series = daily(Point(0, 1000), Point(30, 1000))
    relative = week_over_week.judge(series, Limit("<", 0), periods=1, relative=True)
    absolute = week_over_week.judge(series, Limit("<", 0), periods=1, relative=False)
    assert (relative[1].outcome, absolute[1].outcome) == ("too_few", "ok")
    assert "was 0 a week before" in describe(relative[1], Limit("<", 0), CHANGE)


def test_both_weeks_must_be_large_enough() -> None:
    limit = Limit("<", -0.15, minimum=100)
    series = daily(Point(9, 90, 90), Point(1, 100, 100), Point(1, 99, 99))
    judged = week_over_week.judge(series, limit, periods=1, relative=True)
    assert [v.outcome for v in judged] == ["too_few", "too_few", "too_few"]
    assert describe(judged[1], limit, CHANGE) == "impressions a week before are below 100"
    assert describe(judged[2], limit, CHANGE) == "impressions 99 below 100"


def test_sentences() -> None:
    limit = Limit("<", 0.04, minimum=500)
    series = daily(Point(312, 10_000, 10_000), Point(5, 100, 100), None, Point(0, 0, 0))
    said = [describe(verdict, limit, CTR) for verdict in threshold.judge(series, limit)]
    assert said == [
        "ctr 3.12 % < 4 % (clicks 312 / impressions 10,000)",
        "impressions 100 below 500",
        "no row for 2025-03-05",
        "ctr has no value: impressions is 0",
    ]
    fine = threshold.judge(daily(Point(50, 1000, 1000)), limit)
    assert describe(fine[0], limit, CTR) == "ctr 5 % not < 4 % (clicks 50 / impressions 1,000)"
    assert describe(None, limit, CTR) == "the mart has no complete bucket"


def test_a_value_just_beyond_the_bound_is_shown_apart_from_it() -> None:
    limit = Limit("<", 0.04)
    (verdict,) = threshold.judge(daily(Point(399_999, 10_000_000)), limit)
    assert describe(verdict, limit, CTR).startswith("ctr 3.99999 % < 4 %")


def test_the_sentence_of_a_change_gives_both_weeks() -> None:
    limit = Limit("<", -0.15)
    series = daily(Point(500, 10_000), Point(400, 10_000))
    judged = week_over_week.judge(series, limit, periods=1, relative=True)
    assert describe(judged[1], limit, CHANGE) == (
        "wow_change_relative -20 % < -15 % "
        "(4 % after 5 % a week before; clicks 400 / impressions 10,000)"
    )
    assert describe(judged[0], limit, CHANGE) == "nothing a week before 2025-03-03 to compare with"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0312, "share", "3.12 %"),
        (-0.5, "points", "-50 points"),
        (4812.4, "ms", "4,812 ms"),
        (4.5, "ms", "4.5 ms"),
        (1_234_567, "count", "1,234,567"),
        (0, "count", "0"),
    ],
)
def test_numbers_for_people(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text
