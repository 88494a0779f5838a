"""What the report draws of decision traces: how personal what was served is, by day and by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.rules.marts import DAY, FIVE_MINUTES
from alerts.warehouse import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.report.content import Alarm
    from alerts.warehouse import Warehouse

_DAILY = "analytics.personalization_daily"
_INTRADAY = "analytics.personalization_intraday"
_SHARE = "personalized_impression_rate"


@dataclass(frozen=True)
class Served:
    """One day of a shop's surface; what has no value is None."""

    personalized_impression_rate: float | None = None
    catalog_overlap_pct: float | None = None


NOTHING = Served()


@dataclass(frozen=True)
class Place:
    """A shop's surface, as `default/home`.

    `days` are consecutive and complete. `moments` are all five-minute buckets of one UTC day,
    `drawn_day`, with the share of personalized items: sixty days of them would be no drawing.
    """

    name: str
    days: tuple[date, ...]
    daily: Mapping[date, Served]
    drawn_day: date
    moments: tuple[tuple[datetime, float | None], ...]

    @property
    def span(self) -> tuple[date, date]:
        """The first and the last day."""
        return self.days[0], self.days[-1]

    def of(self, day: date) -> Served:
        """A day; without values where the mart has no row."""
        return self.daily.get(day, NOTHING)


def read_places(
    warehouse: Warehouse, prefix: str, alarms: Sequence[Alarm] = ()
) -> tuple[Place, ...]:
    """Every place with decision traces; none where the marts are missing or have no whole day.

    The day that is drawn by five minutes is that on which the newest alarm on the place's share
    began, else the newest complete one.
    """
    daily = Relation.parse(_DAILY, prefix)
    if not warehouse.columns(daily):
        return ()
    rows = warehouse.aggregate(
        daily,
        ["namespace", "surface", "day"],
        [("sum", name) for name in ("personalized_items", "served_items", "catalog_overlap_pct")],
    )
    places: dict[str, dict[date, Served]] = {}
    for namespace, surface, day, personalized, served, overlap in rows:
        found = places.setdefault(f"{namespace}/{surface}", {})
        found[day] = Served(
            _ratio(personalized, served), None if overlap is None else float(overlap)
        )
    present = sorted({day for found in places.values() for day in found})
    if len(present) < 2:
        return ()
    first, last = present[0], present[-1] - DAY
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    drawn = {name: _drawn_day(name, alarms, last) for name in sorted(places)}
    moments = {day: _moments(warehouse, prefix, day) for day in set(drawn.values())}
    return tuple(
        Place(name, days, places[name], day, _whole_day(day, moments[day].get(name, {})))
        for name, day in drawn.items()
    )


def _drawn_day(place: str, alarms: Sequence[Alarm], last: date) -> date:
    begun = [one.first for one in alarms if one.surface == place and one.metric == _SHARE]
    return max(begun, default=last)


def _moments(
    warehouse: Warehouse, prefix: str, day: date
) -> Mapping[str, Mapping[datetime, float | None]]:
    rows = warehouse.aggregate(
        Relation.parse(_INTRADAY, prefix),
        ["namespace", "surface", "bucket_start"],
        [("sum", "personalized_items"), ("sum", "served_items")],
        [("utc_day", "=", day)],
    )
    found: dict[str, dict[datetime, float | None]] = {}
    for namespace, surface, start, personalized, served in rows:
        found.setdefault(f"{namespace}/{surface}", {})[start] = _ratio(personalized, served)
    return found


def _whole_day(
    day: date, found: Mapping[datetime, float | None]
) -> tuple[tuple[datetime, float | None], ...]:
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    starts = [midnight + n * FIVE_MINUTES for n in range(DAY // FIVE_MINUTES)]
    return tuple((start, found.get(start)) for start in starts)


def _ratio(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole and part is not None else None
