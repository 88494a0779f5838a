"""The detectors of experiments: pure functions, and what they leave out to be fast."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from alerts.detectors import Limit, Point, Series, experiment_delta, guardrail, srm
from alerts.detectors.experiment_delta import Certainty
from alerts.detectors.guardrail import Guarded, Pair, Sums
from alerts.detectors.srm import Split, plainly_fine
from alerts.experiments.guardrails import Guardrail, Margin, Pause, Watch
from alerts.experiments.results import Refusal
from alerts.experiments.srm import Srm

DAY = date(2025, 3, 3)
SRM = Limit("<", 0.001)
DELTA = Limit("<", -0.05)


def series(points: list[Any]) -> Series:
    return Series((), [DAY + timedelta(days=n) for n in range(len(points))], points)


def drawn(random: random.Random) -> list[dict[str, tuple[int, float]]]:
    """Users near the weights, further off, or few; one, two or three arms and periods."""
    periods = []
    for _ in range(random.randint(1, 3)):
        arms = ["control", "a", "b"][: random.randint(1, 3)]
        users = random.choice([0, 4, 30, 1000, 100_000])
        off = random.choice([0, 1, 3, 5])
        weights = [random.choice([0, 1, 1, 9]) for _ in arms]
        total = sum(weights) or 1
        period = {}
        for arm, weight in zip(arms, weights, strict=True):
            due = users * weight / total
            period[arm] = max(0, round(due + random.gauss(0, 1) * off * due**0.5)), weight
        periods.append(period)
    return periods


def test_a_split_called_plainly_fine_is_fine_by_both_tests() -> None:
    chance = random.Random(4)
    counted = {True: 0, False: 0}
    for _ in range(3000):
        periods = drawn(chance)
        fine = plainly_fine(periods, 0.001)
        counted[fine] += 1
        if fine:
            result = Split(periods, "assigned").tested()
            assert isinstance(result, Srm), periods
            assert not result.is_mismatch, periods
            assert not result.is_mismatch_anytime, periods
            assert min(one for one in result.expected if one) >= srm.EXPECTED_USERS, periods
    assert min(counted.values()) > 500


def test_the_bayes_factor_fires_where_a_p_value_would_not() -> None:
    """By a bound that nobody would choose: it shows that the two are asked apart."""
    far = Split([{"control": (60_000, 1.0), "treatment": (58_500, 1.0)}], "assigned")
    (verdict,) = srm.judge(series([far]), Limit("<", 1e-9))
    assert verdict.outcome == "breach"
    assert isinstance(verdict.point, Split)
    assert "beyond 3" in verdict.point.sentence(verdict, Limit("<", 1e-9))


def test_four_users_where_one_was_due_are_no_mismatch() -> None:
    ramp = [{"control": (58, 0.99), "treatment": (4, 0.01)}]
    found = Split(ramp, "assigned").tested()
    assert isinstance(found, Srm)
    assert found.p_value < 0.001  # by an approximation that does not hold here
    assert not found.is_mismatch
    (verdict,) = srm.judge(series([Split(ramp, "assigned")]), SRM)
    assert verdict.outcome == "too_few"


WATCH = Watch(4, 10_000)


def guarded(**changed: Any) -> Guarded:
    margin = changed.pop("margin", Margin(0.05, relative=True))
    direction = changed.pop("direction", "lower_is_better")
    given: dict[str, Any] = {
        "guardrail": Guardrail("g", direction, margin),
        "metric": "g",
        "kind": "ratio",
        "is_share": True,
        "scale": 1.0,
        "control": "control",
        "treatment": "t",
        "watch": WATCH,
    }
    return Guarded(**(given | changed))


def arm(chance: random.Random, users: int, rate: float) -> Sums:
    """Moments of users with a few events each."""
    events = [chance.randint(0, 6) for _ in range(users)]
    hits = [sum(chance.random() < rate for _ in range(count)) for count in events]
    return Sums(
        users,
        sum(hits),
        sum(events),
        sum(one * one for one in hits),
        sum(one * one for one in events),
        sum(a * b for a, b in zip(hits, events, strict=True)),
    )


@pytest.mark.parametrize("kind", ["ratio", "mean"])
@pytest.mark.parametrize("direction", ["lower_is_better", "higher_is_better"])
@pytest.mark.parametrize(
    "margin", [Margin(0.05, relative=True), Margin(0.01, relative=False), Margin(0, relative=True)]
)
def test_a_guardrail_called_plainly_fine_is_not_due(
    kind: str, direction: str, margin: Margin
) -> None:
    chance = random.Random(5)
    about = guarded(kind=kind, direction=direction, margin=margin)
    counted = {True: 0, False: 0}
    for _ in range(60):
        rates = chance.choice([(0.1, 0.1), (0.1, 0.2), (0.2, 0.1), (0.4, 0.44)])
        users = chance.choice([50, 150, 600])
        pair = Pair(about, *(arm(chance, users, rate) for rate in rates))
        fine = pair.is_plainly_fine()
        counted[fine] += 1
        if fine:
            result = pair.tested().result
            assert isinstance(result, Pause)
            assert not result.is_due
    assert min(counted.values()) > 5


def test_roughly_is_exactly_up_to_floats() -> None:
    chance = random.Random(6)
    pair = Pair(guarded(), arm(chance, 200, 0.1), arm(chance, 300, 0.2)).tested()
    assert isinstance(pair.levels, tuple)
    for exact, sums in zip(pair.levels, (pair.control, pair.treatment), strict=True):
        assert sums is not None
        roughly = sums.roughly("ratio")
        assert roughly is not None
        assert roughly == pytest.approx((exact.value, exact.std_error**2), rel=1e-12)


def test_what_is_missing_has_a_reason() -> None:
    chance = random.Random(7)
    known = arm(chance, 200, 0.1)
    for pair, reason in (
        (Pair(guarded(), None, known), "no control"),
        (Pair(guarded(), known, None), "no treatment"),
        (Pair(guarded(), known, arm(chance, 99, 0.1)), "fewer than 100 users"),
        (Pair(guarded(), Sums(200, 0, 0, 0, 0, 0), known), "zero denominator"),
    ):
        (verdict,) = guardrail.judge(series([pair]))
        assert verdict.outcome == "too_few"
        assert isinstance(verdict.point, Pair)
        assert verdict.point.result == Refusal(reason)
        assert reason in verdict.point.sentence(verdict, Limit(">", 0.0))


def test_a_difference_beyond_chance() -> None:
    sure = Certainty(0.95)
    # 5 % less than 1,000 is 950; the error of the difference is about 43.
    assert not sure.beyond(Point(870, 10_000), Point(1000, 10_000), DELTA)
    assert sure.beyond(Point(860, 10_000), Point(1000, 10_000), DELTA)
    assert not Certainty(0.95, 1.75).beyond(Point(860, 10_000), Point(1000, 10_000), DELTA)
    assert not sure.beyond(Point(1200, 10_000), Point(1000, 10_000), DELTA)
    # Nothing where twenty were to be expected is no chance; where three were, it is.
    assert sure.beyond(Point(0, 1000), Point(20, 1000), DELTA)
    assert not sure.beyond(Point(0, 1000), Point(3, 1000), DELTA)
    rise = Limit(">", 0.05)
    assert sure.beyond(Point(1200, 10_000), Point(1000, 10_000), rise)
    assert not sure.beyond(Point(860, 10_000), Point(1000, 10_000), rise)


def test_what_chance_explains_neither_breaches_nor_is_fine() -> None:
    now = [Point(90, 1000), Point(40, 1000), Point(100, 1000), None]
    control = [Point(100, 1000)] * 4
    found = experiment_delta.judge(series(list(now)), control, DELTA, Certainty(0.95))
    assert [(one.outcome, one.sure) for one in found] == [
        ("too_few", False),
        ("breach", True),
        ("ok", None),
        ("no_data", None),
    ]


def test_years_of_quiet_days_take_no_test_but_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [{"control": (1000 + n, 0.5), "treatment": (1003 + n, 0.5)} for n in range(400)]
    points = [Split([one], "assigned") for one in users]
    tested: list[Any] = []
    true = Split.tested
    monkeypatch.setattr(Split, "tested", lambda self: tested.append(self) or true(self))
    verdicts = srm.judge(series(list(points)), SRM)
    assert [one.outcome for one in verdicts] == ["ok"] * 400
    assert tested == [points[-1]]
    assert verdicts[-1].value == pytest.approx(0.95, abs=0.01)
