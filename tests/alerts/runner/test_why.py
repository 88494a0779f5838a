"""What moved the value of an alert, read from marts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from alerts.runner import Settings, evaluate
from alerts.runner.read import Reader
from alerts.runner.timing import timing
from alerts.runner.why import Why, explain, newly_firing
from alerts.state.model import Transition
from tests.alerts.handmade import Cell
from tests.alerts.runner.helpers import day, rule, ruleset
from tests.alerts.runner.trials import START, Trials

if TYPE_CHECKING:
    from alerts.notify.message import Severity
    from alerts.runner import Result


def explained(marts: Trials, **fields: Any) -> list[Why]:
    rules = ruleset(marts.path.parent, rule(**fields)).rules
    with closing(marts.open()) as warehouse:
        firing = evaluate(rules, warehouse, settings=Settings()).firing
        reader = Reader(warehouse, ZoneInfo("UTC"), None)
        found = explain(firing, {one.name: one for one in rules}, reader)
    assert [*found] == [one.fingerprint for one in firing]
    return [*found.values()]


def only(found: list[Why]) -> Why:
    (why,) = found
    return why


def arms(number: int, clicks: int = 41) -> list[Cell]:
    """A day of three arms in two countries; `challenger_a` clicks as told."""
    given = {"control": 41, "challenger_a": clicks, "challenger_b": 41}
    return [
        Cell(number, variation=arm, country=country, clicks=count)
        for arm, count in given.items()
        for country in ("DE", "FR")
    ]


def weeks(marts: Trials, last: int, clicks: int) -> None:
    """Days up to `last`, which is low, and one begun after it."""
    before = [cell for number in range(last) for cell in arms(number)]
    marts.daily(*before, *arms(last, clicks), Cell(last + 1))


def test_the_arm_that_broke_is_named_with_what_its_rate_did(trials: Trials) -> None:
    weeks(trials, 30, 20)
    why = only(explained(trials, when="< 0.04"))
    assert why.lines == (
        "−0.70 points against the same weekday of the 4 weeks before (ctr 4.1 % → 3.4 %), "
        "by experiment_key and variation",
        "experiment_key=exp, variation=challenger_a: −0.70 points (its ctr 4.1 % → 2 %)",
    )
    assert why.split is not None
    assert sum(one.moved for one in why.split.parts) == why.split.change


def test_what_the_rule_fixes_is_no_dimension(trials: Trials) -> None:
    weeks(trials, 30, 20)
    why = only(explained(trials, where={"variation": "challenger_a"}))
    assert why.lines[0].endswith("by country, no part stands out")
    fixed = {"by": ["surface", "country", "experiment_key", "variation"]}
    assert {one.lines for one in explained(trials, **fixed)} == {()}


def test_only_the_same_weekdays_count_where_there_are_four_weeks(trials: Trials) -> None:
    weekly = [50, 50, 50, 50, 50, 200, 200]
    german = [Cell(number, clicks=weekly[number % 7]) for number in range(28)]
    french = [Cell(number, country="FR") for number in range(29)]
    trials.daily(*german, *french, Cell(28, clicks=30), Cell(29))
    (line, *_) = only(explained(trials, by=["surface"], when="< 0.07")).lines
    assert "against the same weekday of the 4 weeks before (ctr 7.5 % → 6.5 %)" in line


def test_a_young_mart_is_compared_with_the_seven_days_before(trials: Trials) -> None:
    weeks(trials, 6, 20)
    (line, *_) = only(explained(trials)).lines
    assert line.startswith("−0.70 points against the 7 days before")


def test_nothing_earlier_is_said_and_no_reason_for_silence(trials: Trials) -> None:
    trials.daily(*arms(0, 20), Cell(1))
    why = only(explained(trials))
    assert why == Why(note="what moved it is not known: nothing earlier to compare with")


def test_the_days_since_it_began_are_pooled(trials: Trials) -> None:
    before = [cell for number in range(28) for cell in arms(number)]
    trials.daily(*before, *arms(28, 20), *arms(29, 20), Cell(30))
    (line, *_) = only(explained(trials, for_="2d")).lines
    assert line.startswith(
        "−0.70 points since 2025-03-31 against the same weekdays of the 4 weeks before"
    )


def test_a_drop_is_compared_with_its_own_baseline(trials: Trials) -> None:
    weeks(trials, 30, 20)
    why = only(explained(trials, kind="drop", when="< -0.05", baseline="3d"))
    assert why.lines[0].startswith("−0.70 points against the 3d before (ctr 4.1 % → 3.4 %)")


def test_a_week_is_compared_with_the_week_before_by_the_days_of_both(trials: Trials) -> None:
    trials.weekly(
        (0, "home", 42_000, 1722, True), (1, "home", 42_000, 1428, True), (2, "home", 1, 0, False)
    )
    days = [arms(number, 41 if number < 7 else 20) for number in range(14)]
    trials.daily(*(cell for one in days for cell in one))
    fields = {"mart": "analytics.ctr_weekly", "metric": "wow_change_relative", "when": "< -0.15"}
    why = only(explained(trials, kind="week_over_week", **fields))
    assert why.lines == (
        "−0.70 points against the week before (ctr 4.1 % → 3.4 %), "
        "by experiment_key and variation in engagement_daily",
        "experiment_key=exp, variation=challenger_a: −0.70 points (its ctr 4.1 % → 2 %)",
    )


@pytest.mark.parametrize("agrees", [True, False])
def test_devices_come_from_another_log_only_where_it_saw_the_same(
    trials: Trials, agrees: bool
) -> None:
    trials.daily(
        *(Cell(number, clicks=30 if number == 30 else 50) for number in range(31)), Cell(31)
    )
    # The other log saw next to nothing of it.
    low = 10 if agrees else 45
    trials.execute(
        "insert into experiments.blend_weights_daily by name select ? as day, ? as device, "
        "? as clicks, 1000 as impressions, 'home' as surface",
        [
            (day(number), device, low if (number, device) == (30, "ios") else 50)
            for number in range(31)
            for device in ("ios", "web")
        ],
    )
    why = only(explained(trials))
    if agrees:
        assert why.lines[0].endswith("by device in blend_weights_daily")
        assert why.lines[1] == "device=ios: −2.0 points (its ctr 5 % → 1 %)"
    else:
        assert why.lines == ()


def test_a_treatment_is_explained_against_control(trials: Trials) -> None:
    trials.plan()
    for hour in range(4):
        for arm, lost in (("control", 0), ("b", 60)):
            trials.hour(hour, arm, 1000, 100 - lost, surface="home")
            trials.hour(hour, arm, 1000, 100, surface="pdp")
    fields = {"mart": "experiments.experiment_hourly", "when": "< -0.05", "for_": "2h"}
    by = ["experiment_key", "variation"]
    why = only(explained(trials, kind="experiment_delta", by=by, **fields))
    assert why.lines[0].startswith("−3.0 points since 2025-03-03")
    assert "against control (ctr 10 % → 7 %), by surface" in why.lines[0]
    assert why.lines[1] == "surface=home: −3.0 points (its ctr 10 % → 4 %)"


def test_a_count_is_explained_by_means_over_days(trials: Trials) -> None:
    french = [Cell(number, country="FR", impressions=500) for number in range(29)]
    german = [Cell(number, impressions=1000) for number in range(28)]
    trials.daily(*french, *german, Cell(28, impressions=200), Cell(29))
    why = only(explained(trials, metric="impressions", when="< 1000"))
    assert why.lines[0].startswith("−800 against the same weekday of the 4 weeks before")
    assert why.lines[1] == "country=DE: −800 (impressions 1,000 → 200)"


def test_a_mart_that_cannot_be_read_costs_the_explanation_and_no_more(trials: Trials) -> None:
    weeks(trials, 30, 20)
    rules = ruleset(trials.path.parent, rule()).rules
    with closing(trials.open()) as warehouse:
        firing = evaluate(rules, warehouse).firing
    trials.execute("alter table analytics.engagement_daily drop column country")
    with closing(trials.open()) as warehouse:
        reader = Reader(warehouse, ZoneInfo("UTC"), None)
        (why,) = explain(firing, {one.name: one for one in rules}, reader).values()
    assert why.lines == ()
    assert why.note.startswith("what moved it is not known: ")
    assert "country" in why.note


def test_of_many_only_the_first_are_explained(trials: Trials) -> None:
    weeks(trials, 30, 20)
    rules = {one.name: one for one in ruleset(trials.path.parent, rule()).rules}
    with closing(trials.open()) as warehouse:
        (firing,) = evaluate([*rules.values()], warehouse).firing
        many = [replace(firing, fingerprint=str(n)) for n in range(3)]
        found = explain(many, rules, Reader(warehouse, ZoneInfo("UTC"), None), most=2)
    assert [bool(one.lines) for one in found.values()] == [True, True, False]
    assert "first 2 alerts" in found["2"].note


def transition(result: Result, severity: Severity = "warn", **fields: Any) -> Transition:
    given = {"episode": 1, "kind": "firing", "at": None, **fields}
    return Transition(result.fingerprint, result.rule, result.labels, severity, **given)


def test_what_begins_to_fire_is_explained_the_gravest_first(trials: Trials) -> None:
    weeks(trials, 30, 20)
    rules = ruleset(trials.path.parent, rule(), rule(name="p", severity="page")).rules
    with closing(trials.open()) as warehouse:
        warn, page = evaluate(rules, warehouse).firing
    assert newly_firing([transition(warn), transition(page)], [warn, page]) == [page, warn]
    others = [
        transition(warn, kind="repeated"),
        transition(warn, told=False),
        transition(page, because="passed"),
    ]
    assert newly_firing(others, [warn, page]) == []


def test_no_bucket_of_the_episode_is_compared_with(trials: Trials) -> None:
    (one,) = ruleset(trials.path.parent, rule()).rules
    for length in range(40):
        found = timing(one, day(60), day(60 + length))
        assert found.now[-1] == day(60 + length)
        for earlier in found.earlier:
            assert max(earlier.buckets) < day(60)
    hourly = rule(mart="analytics.engagement_hourly")
    (one,) = ruleset(trials.path.parent, hourly).rules
    since = START + timedelta(days=40)
    found = timing(one, since, since + timedelta(hours=1))
    weeks_back = {
        since + timedelta(hours=h) - timedelta(weeks=w) for h in (0, 1) for w in range(1, 5)
    }
    assert set(found.earlier[0].buckets) == weeks_back
    assert isinstance(found.earlier[0].buckets[0], datetime)
