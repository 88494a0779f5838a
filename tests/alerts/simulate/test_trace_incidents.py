"""Every incident planted in the responses has its size, and all else lies clear of the rules."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from alerts.simulate.options import Options
from alerts.simulate.scenarios import CALM_DAYS, TRACE_INCIDENTS, plan
from alerts.simulate.trace_incidents import TraceIncident

from .conftest import Written

# What the shipped rules ask; a bucket with fewer than 100 served items is not judged.
SHARE_FLOOR, REASON_FLOOR = 0.55, 0.60

DAILY = """
    select surface, day, count(*) as requests, sum(items) as items,
           sum(personalized) / sum(items) as share, sum(reasons) / sum(items) as reasons,
           avg(cast(cold as int)) as cold, sum(unavailable) / sum(items) as unavailable
    from served group by all order by all
"""
INTRADAY = """
    select surface, bucket, sum(items), sum(personalized) / sum(items), sum(reasons) / sum(items)
    from served group by all having sum(items) >= 100 order by all
"""


@dataclass(frozen=True)
class Day:
    """One surface and day, as the daily mart has it."""

    requests: int
    items: int
    share: float
    reasons: float
    cold: float
    unavailable: float


Days = dict[tuple[str, dt.date], Day]


@pytest.fixture(scope="module")
def days(served: Written) -> Days:
    """The whole days."""
    last = dt.date.fromisoformat(served.truth["last_full_day"])
    rows = served.rows(DAILY)
    return {(surface, day): Day(*rest) for surface, day, *rest in rows if day <= last}


def place(demo: Written, name: str) -> list[tuple[str, dt.date]]:
    """The surface and days of an incident."""
    one = demo.incident(name)
    first, last = (dt.date.fromisoformat(one[key]) for key in ("first_day", "last_day"))
    length = (last - first).days + 1
    return [(one["surface"], first + dt.timedelta(days=n)) for n in range(length)]


def overlap(demo: Written, surface: str, day: dt.date) -> float:
    """Mean Jaccard index of the last lists of pairs of users, all of them on a small sample."""
    rows = demo.rows(
        "select arg_max(listed, (created_at, trace_id)) from served "
        f"where surface = '{surface}' and day = '{day}' and items > 0 "
        "group by user_id order by user_id limit 150"
    )
    number: dict[str, int] = defaultdict(lambda: len(number))
    lists = [[number[item] for item in listed] for (listed,) in rows]
    holds = np.zeros((len(lists), len(number)))
    for user, listed in enumerate(lists):
        holds[user, listed] = 1
    common = holds @ holds.T
    sizes = holds.sum(axis=1)
    jaccard = common / (sizes[:, None] + sizes[None, :] - common)
    return float(jaccard[np.triu_indices(len(lists), 1)].mean())


def breaches(demo: Written, column: int, floor: float) -> Iterator[tuple[str, dt.datetime, int]]:
    """Runs of judged buckets below a floor: surface, first bucket, and how many they are."""
    runs = groupby(demo.rows(INTRADAY), key=lambda row: (row[0], row[column] < floor))
    for (surface, below), rows in runs:
        if below:
            buckets = [row[1] for row in rows]
            yield surface, buckets[0], len(buckets)


@dataclass(frozen=True)
class Outage:
    """An incident of minutes: the column of `INTRADAY`, and what its rule asks."""

    name: str
    column: int
    floor: float
    needed: int
    level: float


OUTAGES = (
    Outage("home-personalization-drop", 3, SHARE_FLOOR, needed=6, level=0.30),
    Outage("home-reason-outage", 4, REASON_FLOOR, needed=12, level=0.20),
)


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.name)
def test_an_outage_of_minutes_is_long_enough_and_nothing_else_is(
    served: Written, outage: Outage
) -> None:
    incident = served.incident(outage.name)
    start, end = (dt.datetime.fromisoformat(incident[key]) for key in ("starts_at", "ends_at"))
    inside = [
        row[outage.column]
        for row in served.rows(INTRADAY)
        if row[0] == incident["surface"] and start <= row[1] < end
    ]
    assert len(inside) >= outage.needed
    assert np.mean(inside) == pytest.approx(outage.level, abs=0.03)
    assert max(inside) < outage.floor - 0.1
    for surface, first, length in breaches(served, outage.column, outage.floor):
        within = surface == incident["surface"] and start <= first < end
        assert within or length <= outage.needed // 2, (surface, first, length)


def test_the_drop_of_minutes_hardly_shows_in_its_day(served: Written, days: Days) -> None:
    [(surface, day)] = place(served, "home-personalization-drop")
    before = np.mean([days[surface, day - dt.timedelta(days=n)].share for n in range(1, 8)])
    assert -0.04 < days[surface, day].share / before - 1 < -0.01


def test_the_decline_of_days_is_beyond_five_percent(served: Written, days: Days) -> None:
    for surface, day in place(served, "pdp-personalization-decline"):
        before = np.mean([days[surface, day - dt.timedelta(days=n)].share for n in range(2, 9)])
        assert days[surface, day].share / before - 1 == pytest.approx(-0.12, abs=0.03)


def test_no_other_day_falls_by_five_percent(served: Written, days: Days) -> None:
    declined = place(served, "pdp-personalization-decline")
    compared = 0
    for surface, day in days:
        week = [(surface, day - dt.timedelta(days=n)) for n in range(1, 8)]
        known = [days[one].share for one in week if one in days and one not in declined]
        if len(known) < 3 or (surface, day) in declined:
            continue
        compared += 1
        assert days[surface, day].share / np.mean(known) - 1 > -0.045, (surface, day)
    assert compared >= 55


def test_cold_starts_rise_on_their_days_only(served: Written, days: Days) -> None:
    risen = place(served, "pdp-cold-start-rise")
    for where, day in days.items():
        assert day.requests >= 200
        if where in risen:
            assert day.cold == pytest.approx(0.25, abs=0.05)
        else:
            assert day.cold < 0.08, where


def test_stock_is_out_on_its_days_only(served: Written, days: Days) -> None:
    out = place(served, "cart-stock-outage")
    for where, day in days.items():
        if where in out:
            assert day.unavailable == pytest.approx(0.20, abs=0.03)
        else:
            assert day.unavailable < 0.035, where


def test_everybody_gets_the_same_list_on_two_days_only(served: Written, days: Days) -> None:
    spiked = place(served, "cart-overlap-spike")
    assert len(spiked) == 2
    for where in spiked:
        assert overlap(served, *where) == pytest.approx(0.63, abs=0.03)
    for where in list(days)[::5]:
        if where not in spiked:
            assert 0.09 < overlap(served, *where) < 0.2, where


def test_the_collaborative_source_is_empty_for_hundreds_of_requests(served: Written) -> None:
    streaks = """
        with numbered as (
            select surface, day, created_at, trace_id, collaborative,
                   row_number() over (partition by surface, day order by created_at, trace_id)
                   - row_number() over (
                       partition by surface, day, collaborative = 0 order by created_at, trace_id
                   ) as run
            from served
        )
        select surface, day, run, count(*) from numbered where collaborative = 0 group by all
    """
    long = [(surface, day, count) for surface, day, _, count in served.rows(streaks) if count >= 5]
    [(surface, day, count)] = long
    assert [(surface, day)] == place(served, "home-collaborative-outage")
    assert count > 300
    ((share,),) = served.rows("select avg(cast(collaborative = 0 as int)) from served")
    assert 0.01 < share < 0.03


def test_a_few_lists_are_empty(served: Written) -> None:
    ((share,),) = served.rows("select avg(cast(items = 0 as int)) from served")
    assert 0.001 < share < 0.01


def test_no_two_incidents_share_a_surface_and_day(demo: Written) -> None:
    names = [one["id"] for one in demo.truth["incidents"] if one["table"] == "decision_traces"]
    places: list[Any] = [where for name in names for where in place(demo, name)]
    assert len(names) == len(TRACE_INCIDENTS) == 7
    assert len(places) == len(set(places))


@pytest.mark.parametrize("days", [8, 12, 13, 24, 25, 40])
def test_incidents_keep_their_distance_from_the_first_day(days: int) -> None:
    planted = [one for one in plan("demo", days) if isinstance(one, TraceIncident)]
    assert len(planted) == sum(days + one.first_day >= CALM_DAYS for one in TRACE_INCIDENTS)
    calendar = Options(days=days).calendar
    for one in planted:
        start, end = one.span_ms(calendar)
        assert calendar.midnight_ms(CALM_DAYS) <= start < end <= calendar.midnight_ms(days)
