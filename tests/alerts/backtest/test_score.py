"""Recall, precision and delay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from alerts.backtest.messages import Span
from alerts.backtest.score import Score, score
from tests.alerts.demo.samples import day, episode, incident, rules

if TYPE_CHECKING:
    from alerts.backtest.truth import Incident
    from alerts.runner import Episode

START = datetime(2025, 5, 26, tzinfo=UTC)


def held(
    incidents: list[Incident], episodes: list[Episode], first: int = 0, last: int = 60
) -> Score:
    span = Span(START + timedelta(days=first), START + timedelta(days=last))
    return score(incidents, rules().rules, episodes, span)


def test_the_first_rule_that_tells_decides_the_delay() -> None:
    week = episode("ctr-week-over-week", first=0, last=0)
    found = held([incident()], [week, episode(fired=day(3))])

    [one] = found.caught
    # Day 3 is over two days after day 2 began, the week five.
    assert one.delay == timedelta(days=2)
    assert one.found_by == ("ctr-floor", "ctr-week-over-week")
    assert (found.recall, found.precision, found.false) == (1.0, 1.0, ())


def test_recall_is_of_the_incidents_that_a_rule_watches() -> None:
    late = incident(id="late", kind="late_rows", metric="late_rows", surface=None)
    missed = incident(id="missed", surface="home", first_day=day(20), last_day=day(21))
    found = held([missed, incident(), late], [episode()])

    assert [one.incident.id for one in found.covered] == ["pdp-drop", "missed"]
    assert [one.incident.id for one in found.missed] == ["missed"]
    assert found.recall == 0.5


def test_what_has_no_cause_is_false() -> None:
    other = episode(surface="home")
    found = held([incident()], [episode(), episode(first=10, last=11), other])

    assert [found.is_false(one) for one in (*found.true, other)] == [False, True]
    assert len(found.false) == 2
    assert found.precision == 1 / 3


def test_two_equal_episodes_are_told_apart() -> None:
    """One explained does not excuse the other."""
    one, two = episode(), episode("dwell-floor")
    assert held([incident()], [one, two]).false == (two,)


def test_an_incident_from_before_explains_and_does_not_count() -> None:
    running = incident(first_day=day(2), last_day=day(20))
    alert = episode(first=12, last=13)
    found = held([running], [alert], first=10)

    assert (found.caught, found.false, found.recall) == ((), (), None)
    assert found.true == (alert,)


def test_nothing_fired_is_no_precision() -> None:
    assert held([incident()], []).precision is None
    assert held([incident()], []).recall == 0
