"""Which alert is about which incident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.backtest.matching import fired_at, is_about, watches
from alerts.rules import Freshness, Quarantine, Rule, Threshold, WeekOverWeek
from tests.alerts.demo.samples import day, episode, incident

CTR: dict[str, Any] = {"mart": "analytics.engagement_daily", "metric": "ctr", "by": ["surface"]}
DAILY = Threshold.model_validate(CTR | {"name": "ctr-floor", "when": "< 0.04"})
HOURLY = DAILY.model_copy(update={"mart": "analytics.engagement_hourly"})
WEEKLY = WeekOverWeek.model_validate(
    {
        "name": "weekly",
        "kind": "week_over_week",
        "mart": "analytics.ctr_weekly",
        "metric": "wow_change_relative",
        "by": ["surface"],
        "when": "< -0.15",
    }
)
SETTLING = Threshold.model_validate(
    {
        "name": "saves",
        "mart": "analytics.funnel_daily",
        "metric": "save_rate",
        "by": ["surface"],
        "when": "< 0.1",
    }
)
REFUSED = Quarantine.model_validate({"name": "refused", "kind": "quarantine", "when": "> 0.01"})
SILENT = Freshness.model_validate(
    {
        "name": "silent",
        "kind": "freshness",
        "mart": "analytics.engagement_daily",
        "when": "> 1d",
    }
)
BROKEN = incident(
    id="broken",
    kind="broken_rows",
    metric="rejected_rows",
    surface=None,
    table="personalization_metrics",
)
GAP = incident(id="gap", kind="missing_day", metric="impressions", surface=None)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (DAILY, datetime(2025, 5, 29, tzinfo=UTC)),
        (WEEKLY, datetime(2025, 6, 4, tzinfo=UTC)),
        # Saves of a week count: not known before they are in.
        (SETTLING, datetime(2025, 6, 5, tzinfo=UTC)),
    ],
)
def test_a_bucket_is_known_when_it_is_over(rule: Rule, expected: datetime) -> None:
    assert fired_at(episode(first=2), rule) == expected


def test_an_hour_is_known_at_its_end() -> None:
    hour = datetime(2025, 5, 28, 13, tzinfo=UTC)
    assert fired_at(episode(fired=hour), HOURLY) == hour + timedelta(hours=1)


def test_what_fired_before_an_incident_is_not_about_it() -> None:
    """Though it lasts into it: nobody was told of the incident."""
    early = episode(first=0, last=4, fired=day(1))
    assert not is_about(early, DAILY, incident())
    assert is_about(episode(first=0, last=4, fired=day(2)), DAILY, incident())


@pytest.mark.parametrize(("first", "expected"), [(1, False), (2, True), (5, True), (6, False)])
def test_refused_rows_count_on_the_day_of_the_load(first: int, expected: bool) -> None:
    labels = (("source_table", "personalization_metrics"),)
    alert = episode("refused", first=first, last=first, labels=labels)
    assert is_about(alert, REFUSED, BROKEN) is expected


def test_refused_rows_are_those_of_their_table() -> None:
    alert = episode("refused", labels=(("source_table", "sessions"),))
    assert not is_about(alert, REFUSED, BROKEN)


@pytest.mark.parametrize(
    ("rule", "watched"),
    [
        (DAILY, {"drop"}),
        (WEEKLY, {"drop"}),
        (SETTLING, set()),
        (SILENT, {"gap"}),
        (REFUSED, {"broken"}),
    ],
)
def test_who_watches_what(rule: Rule, watched: set[str]) -> None:
    planted = (incident(id="drop"), BROKEN, GAP)
    assert {one.id for one in planted if watches(rule, one)} == watched


def test_a_rule_of_one_table_or_surface_watches_no_other() -> None:
    sessions = REFUSED.model_copy(update={"where": {"source_table": "sessions"}})
    assert not watches(sessions, BROKEN)
    assert not watches(DAILY.model_copy(update={"where": {"surface": "home"}}), incident())
