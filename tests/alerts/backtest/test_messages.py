"""How many messages an episode is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.backtest.messages import Messages, Span, count_messages, resolved_at
from alerts.rules import Rule, Threshold
from tests.alerts.demo.samples import day, episode

if TYPE_CHECKING:
    from alerts.runner import Episode

START = datetime(2025, 5, 26, tzinfo=UTC)
ALWAYS = Span(START, START + timedelta(days=60))


def rule(mart: str = "analytics.engagement_daily", **changed: Any) -> Rule:
    given = {"name": "r", "mart": mart, "metric": "ctr", "by": ["surface"], "when": "< 0.04"}
    return Threshold.model_validate(given | changed)


def hours(first: int, last: int) -> Episode:
    fired, newest = (START + timedelta(hours=one) for one in (first, last))
    return replace(episode(), first=fired, fired=fired, last=newest)


@pytest.mark.parametrize(
    ("last", "changed", "expected"),
    [
        # Days 2 to 2: told as day 2 ends, over as day 3 ends.
        (2, {}, Messages(1, 0, 1)),
        (4, {}, Messages(1, 2, 1)),
        (8, {"repeat_interval": "3d"}, Messages(1, 2, 1)),
        # Nothing is judged between days: every 36 hours is every second day.
        (5, {"repeat_interval": "36h"}, Messages(1, 1, 1)),
        (8, {"repeat_interval": "1w"}, Messages(1, 0, 1)),
    ],
)
def test_days(last: int, changed: dict[str, Any], expected: Messages) -> None:
    assert count_messages([episode(last=last)], rule(**changed), ALWAYS) == expected


def test_hours_are_repeated_every_four() -> None:
    hourly = rule("analytics.engagement_hourly")
    assert count_messages([hours(5, 8)], hourly, ALWAYS) == Messages(1, 0, 1)
    assert count_messages([hours(5, 9)], hourly, ALWAYS) == Messages(1, 1, 1)
    assert count_messages([hours(5, 13)], hourly, ALWAYS) == Messages(1, 2, 1)


def test_what_is_open_is_not_resolved() -> None:
    assert count_messages([episode(open=True)], rule(), ALWAYS) == Messages(1, 2, 0)


def test_a_fine_day_says_that_it_is_over_or_as_many_as_the_rule_waits_for() -> None:
    three = rule(keep_firing_for="3d")
    assert resolved_at(episode(), rule()) == START + timedelta(days=6)
    assert resolved_at(episode(), three) == START + timedelta(days=8)


def test_only_what_is_told_within_the_span_counts() -> None:
    """Fired as day 2 ends, again as days 3 and 4 end, resolved as day 5 ends."""

    def between(first: int, last: int) -> Messages:
        span = Span(START + timedelta(days=first), START + timedelta(days=last))
        return count_messages([episode()], rule(), span)

    assert between(0, 2) == Messages()
    assert between(0, 3) == Messages(1, 0, 0)
    assert between(3, 5) == Messages(0, 2, 0)
    assert between(5, 6) == Messages(0, 0, 1)


def test_episodes_add_up() -> None:
    both = [episode(last=2), episode(first=10, last=11, fired=day(10))]
    total = count_messages(both, rule(), ALWAYS)
    assert total == Messages(2, 1, 2)
    assert total.total == 5
