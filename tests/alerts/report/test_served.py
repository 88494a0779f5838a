"""What the report draws of decision traces, read from marts made by hand."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from alerts.report.content import Alarm
from alerts.report.served import Place, Served, read_places
from tests.alerts.handmade import DAY_ONE, Marts
from tests.alerts.handmade import Served as Row

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def marts(tmp_path: Path) -> Marts:
    return Marts(tmp_path / "marts.duckdb")


def read(marts: Marts, *alarms: Alarm) -> dict[str, Place]:
    with closing(marts.open()) as warehouse:
        return {place.name: place for place in read_places(warehouse, "", alarms)}


def day(number: int) -> date:
    return DAY_ONE + timedelta(days=number)


def at(number: int, minutes: int) -> datetime:
    return datetime.combine(day(number), time(), UTC) + timedelta(minutes=minutes)


def test_places_by_day_without_the_day_that_is_not_over(marts: Marts) -> None:
    marts.served(
        Row(0),
        Row(2, personalized=5000, overlap=None),
        Row(3),
        Row(1, "pdp", served=0, overlap=0.3),
    )
    places = read(marts)
    home, pdp = places["default/home"], places["default/pdp"]

    assert home.days == pdp.days == (day(0), day(1), day(2))
    assert [home.of(one) for one in home.days] == [Served(0.6, 0.1), Served(), Served(0.5, None)]
    assert pdp.of(day(1)) == Served(None, 0.3)


def test_one_day_of_five_minutes_is_read(marts: Marts) -> None:
    marts.served(Row(0), Row(1), Row(2))
    marts.intraday((at(0, 0), 100, 10, 0), (at(1, 0), 100, 60, 0), (at(1, 1435), 100, 50, 0))
    marts.intraday((at(2, 0), 100, 20, 0))
    place = read(marts)["default/home"]

    assert place.drawn_day == day(1)
    assert len(place.moments) == 288
    assert [one for one in place.moments if one[1] is not None] == [
        (at(1, 0), 0.6),
        (at(1, 1435), 0.5),
    ]


def test_the_day_of_the_newest_alarm_on_the_share_is_drawn(marts: Marts) -> None:
    marts.served(*(Row(n) for n in range(9)), *(Row(n, "pdp") for n in range(9)))
    marts.intraday((at(4, 60), 100, 10, 0))

    def alarm(surface: str, metric: str, first: int) -> Alarm:
        days = day(first), day(first + 1)
        return Alarm("r", "page", surface, metric, *days, False, False, "")  # type: ignore[arg-type]

    share = "personalized_impression_rate"
    places = read(
        marts,
        alarm("default/home", share, 2),
        alarm("default/home", share, 4),
        alarm("default/home", "catalog_overlap_pct", 6),
        alarm("home", share, 6),
    )
    assert places["default/home"].drawn_day == day(4)
    assert dict(places["default/home"].moments)[at(4, 60)] == 0.1
    assert places["default/pdp"].drawn_day == day(7)


def test_without_traces_there_is_nothing_to_draw(marts: Marts) -> None:
    assert read(marts) == {}
    marts.served(Row(0))
    assert read(marts) == {}
    marts.execute("drop table analytics.personalization_daily")
    assert read(marts) == {}
