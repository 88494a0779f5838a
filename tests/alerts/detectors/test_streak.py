"""Runs of requests with a count of 0, against requests one by one."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby, product

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detectors import Limit, Series, Verdict, Zeros, streak
from alerts.detectors.sentences import Wording, describe

MONDAY = date(2025, 3, 3)
FIFTY = Limit(">=", 50)
WORDS = Wording("longest_zero_streak", "requests", "zero_requests", "requests", guard="requests")


def runs_of_zeros(requests: str) -> list[int]:
    return [len(list(run)) for letter, run in groupby(requests) if letter == "0"]


def summary(requests: str) -> Zeros:
    """What the mart keeps of a day: `0` is a request with a count of 0, `x` another one."""
    trailing = len(requests) - len(requests.rstrip("0"))
    longest = max(runs_of_zeros(requests), default=0)
    return Zeros(longest, trailing, requests.count("0"), len(requests))


def judged(*days: Zeros | None, limit: Limit = FIFTY) -> list[Verdict]:
    buckets = [MONDAY + timedelta(days=n) for n in range(len(days))]
    return streak.judge(Series((), buckets, days), limit)


def touching(days: list[str], number: int) -> int:
    """The longest run that has a request on the day, seen from the day's end."""
    before = len("".join(days[:number]))
    longest = position = 0
    for letter, run in groupby("".join(days[: number + 1])):
        length = len(list(run))
        position += length
        if letter == "0" and position > before:
            longest = max(longest, length)
    return longest


@given(st.lists(st.text("0x", min_size=1, max_size=9), min_size=1, max_size=6))
def test_the_bounds_hold_the_truth_and_are_exact_without_a_run_at_midnight(days: list[str]) -> None:
    verdicts = judged(*map(summary, days), limit=Limit(">=", 4))
    for number, verdict in enumerate(verdicts):
        true = touching(days, number)
        assert verdict.value is not None
        most = verdict.value if verdict.most is None else verdict.most
        assert verdict.value <= true <= most
        if number == 0 or days[number - 1][-1] == "x" or "x" not in days[number]:
            assert (verdict.value, verdict.most) == (true, None)


@settings(max_examples=60)
@given(st.text("0x", min_size=1, max_size=8), st.integers(0, 5))
def test_no_tighter_bounds_follow_from_the_counts(requests: str, carried: int) -> None:
    """Every order of requests with the same counts, tried out."""
    day = summary(requests)
    possible = [
        touching(["0" * carried, other], 1)
        for letters in product("0x", repeat=len(requests))
        if summary(other := "".join(letters)) == day
    ]
    assert streak.longest(day, carried) == (min(possible), max(possible))


def test_an_outage_over_midnight_is_one_streak() -> None:
    evening, night, morning = "x" * 60 + "0" * 30, "0" * 40, "0" * 20 + "x" * 50
    verdicts = judged(summary(evening), summary(night), summary(morning))
    assert [v.outcome for v in verdicts] == ["ok", "breach", "too_few"]
    assert (verdicts[1].value, verdicts[1].most) == (70, None)
    assert (verdicts[2].value, verdicts[2].most) == (20, 90)


def test_what_the_counts_leave_open_is_too_few_with_both_bounds() -> None:
    evening = summary("x" + "0" * 30)
    (_, doubtful) = judged(evening, summary("0" * 30 + "xx" + "0" * 10))
    assert (doubtful.outcome, doubtful.value, doubtful.most) == ("too_few", 30, 60)
    assert describe(doubtful, FIFTY, WORDS) == (
        "longest_zero_streak between 30 and 60 requests: one was under way when the day began, "
        "and how many more followed is not known"
    )
    (_, certain) = judged(evening, summary("0" * 30 + "x" + "0" * 10))
    assert (certain.outcome, certain.value, certain.most) == ("breach", 60, None)
    (_, fine) = judged(evening, summary("0xx" + "0" * 10 + "x"))
    assert (fine.outcome, fine.value, fine.most) == ("ok", 10, 40)
    assert "at most 40 requests not >= 50 requests" in describe(fine, FIFTY, WORDS)
    (_, long) = judged(summary("x" + "0" * 55), summary("0000xx0"))
    assert (long.outcome, long.value, long.most) == ("too_few", 4, 59)
    (_, long) = judged(summary("x" + "0" * 55), summary("0000x0x"))
    assert (long.outcome, long.value, long.most) == ("breach", 56, 59)
    assert describe(long, FIFTY, WORDS) == (
        "longest_zero_streak at least 56 requests >= 50 requests "
        "(begun before 2025-03-04; zero_requests 5 / requests 7)"
    )


def test_a_streak_that_ended_at_midnight_is_not_one_of_the_next_day() -> None:
    (_, fine) = judged(summary("x" + "0" * 55), summary("xxx"))
    assert (fine.outcome, fine.value, fine.most) == ("ok", 0, None)


def test_a_day_without_requests_neither_ends_a_streak_nor_adds_to_it() -> None:
    verdicts = judged(summary("x" + "0" * 30), None, summary("0" * 25))
    assert [(v.outcome, v.value) for v in verdicts] == [
        ("ok", 30),
        ("no_data", None),
        ("breach", 55),
    ]


def test_nulls_are_invalid_and_small_days_too_few_that_still_continue() -> None:
    nothing = Zeros(float("nan"), 0, 0, 10)
    assert [v.outcome for v in judged(summary("0" * 60), nothing, summary("0" * 20))] == [
        "breach",
        "invalid",
        "ok",
    ]
    small = summary("0" * 20)._replace(guard=20)
    large = summary("0" * 40)._replace(guard=40)
    limit = Limit(">=", 50, minimum=30)
    assert [v.outcome for v in judged(small, large, limit=limit)] == ["too_few", "breach"]
