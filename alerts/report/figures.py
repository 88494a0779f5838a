"""The figures of a report, read from the marts through the warehouse protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

from alerts.errors import WarehouseError
from alerts.report.served import read_places
from alerts.rules.marts import DAY, WEEK
from alerts.warehouse import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.report.content import Alarm, Shade
    from alerts.report.served import Place
    from alerts.warehouse import Warehouse


@dataclass(frozen=True)
class Surface:
    """A surface that shows impressions, with its thresholds."""

    name: str
    min_ctr: float | None
    min_dwell_ms: float | None
    owner: str


@dataclass(frozen=True)
class Engagement:
    """The sums of one day and surface."""

    impressions: int = 0
    clicks: int = 0
    dwell_events: int = 0
    dwell_ms_sum: float = 0.0

    @property
    def ctr(self) -> float | None:
        """Clicks per impression."""
        return self.clicks / self.impressions if self.impressions else None

    @property
    def avg_dwell_ms(self) -> float | None:
        """Mean dwell."""
        return self.dwell_ms_sum / self.dwell_events if self.dwell_events else None


NOTHING = Engagement()


@dataclass(frozen=True)
class FunnelRow:
    """Impressions, clicks and saves of one surface over the funnel's days."""

    surface: str
    impressions: int
    clicks: int
    saves: int


@dataclass(frozen=True)
class HistogramBar:
    """The share of the dwells of some days that lie in one bucket."""

    days: str
    bucket: str
    share: float


@dataclass(frozen=True)
class Histogram:
    """Dwell of one surface: some days, and the week before them where there is one."""

    surface: str
    buckets: tuple[str, ...]
    bars: tuple[HistogramBar, ...]

    @property
    def spans(self) -> tuple[str, ...]:
        """The one or two spans of days, the week before first."""
        return tuple(dict.fromkeys(bar.days for bar in self.bars))


@dataclass(frozen=True)
class Figures:
    """What the report draws. `days` are consecutive, the last of them complete."""

    surfaces: tuple[Surface, ...]
    days: tuple[date, ...]
    engagement: Mapping[tuple[str, date], Engagement]
    coverage: Mapping[str, float]
    funnel: tuple[FunnelRow, ...]
    funnel_days: tuple[date, date]
    histogram: Histogram | None
    places: tuple[Place, ...] = ()

    @property
    def last_day(self) -> date:
        """The newest complete day."""
        return self.days[-1]

    @property
    def span(self) -> tuple[date, date]:
        """The first and the last day."""
        return self.days[0], self.days[-1]

    def of(self, surface: str, day: date) -> Engagement:
        """The sums of a day, zeros where the mart has no row."""
        return self.engagement.get((surface, day), NOTHING)


def read_figures(
    warehouse: Warehouse, prefix: str, histogram: Shade | None, alarms: Sequence[Alarm] = ()
) -> Figures:
    """Read everything that a report draws.

    `histogram` names the surface and days to look into, `alarms` say which day of a place with
    decision traces is drawn by five minutes.
    """
    marts = _Marts(warehouse, prefix)
    engagement = marts.engagement()
    days = _days(engagement)
    surfaces = marts.surfaces()
    funnel_days = (days[-1] - 2 * WEEK + DAY, days[-1] - WEEK)
    return Figures(
        surfaces=surfaces,
        days=days,
        engagement=engagement,
        coverage=marts.coverage(days[-1]),
        funnel=marts.funnel(surfaces, funnel_days),
        funnel_days=funnel_days,
        histogram=marts.histogram(_chosen(histogram, surfaces), histogram, days[-1]),
        places=read_places(warehouse, prefix, alarms),
    )


def _days(engagement: Mapping[tuple[str, date], Engagement]) -> tuple[date, ...]:
    """Every day up to the newest complete one: a day is over when a later one has begun."""
    present = sorted({day for _, day in engagement})
    if len(present) < 2:
        raise WarehouseError("analytics.engagement_daily has no complete day to report on")
    first, last = present[0], present[-1] - DAY
    return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def _chosen(histogram: Shade | None, surfaces: Sequence[Surface]) -> str:
    if histogram is not None and histogram.surface is not None:
        return histogram.surface
    return surfaces[0].name if surfaces else ""


@dataclass(frozen=True)
class _Marts:
    warehouse: Warehouse
    prefix: str

    def engagement(self) -> dict[tuple[str, date], Engagement]:
        columns = ("impressions", "clicks", "dwell_events", "dwell_ms_sum")
        rows = self._sums("analytics.engagement_daily", ["surface", "day"], columns)
        return {
            (str(surface), day): Engagement(
                int(impressions), int(clicks), int(events or 0), float(dwell or 0)
            )
            for surface, day, impressions, clicks, events, dwell in rows
        }

    def surfaces(self) -> tuple[Surface, ...]:
        rows = self.warehouse.select(
            self._relation("reference.surfaces"),
            ["surface", "min_ctr", "min_dwell_ms", "owner", "has_impressions"],
        )
        return tuple(
            Surface(str(name), _number(ctr), _number(dwell), str(owner or ""))
            for name, ctr, dwell, owner, shows in rows
            if shows
        )

    def coverage(self, day: date) -> dict[str, float]:
        rows = self._sums(
            "analytics.session_coverage_daily",
            ["surface"],
            ("sessions_with_impression", "sessions_total"),
            [("day", "=", day)],
        )
        return {str(surface): covered / total for surface, covered, total in rows if total}

    def funnel(self, surfaces: Sequence[Surface], days: tuple[date, date]) -> tuple[FunnelRow, ...]:
        rows = self._sums(
            "analytics.funnel_daily",
            ["surface"],
            ("impressions", "clicks", "saves"),
            [("day", ">=", days[0]), ("day", "<=", days[1])],
        )
        found = {str(row[0]): FunnelRow(str(row[0]), *map(int, row[1:])) for row in rows}
        return tuple(found[one.name] for one in surfaces if one.name in found)

    def histogram(self, surface: str, shade: Shade | None, last_day: date) -> Histogram | None:
        """The days of the shade beside the week before; without one the last week."""
        if shade is None:
            spans = [(last_day - WEEK + DAY, last_day)]
        else:
            spans = [(shade.first - WEEK, shade.first - DAY), (shade.first, shade.last)]
        events: dict[str, dict[tuple[int, str], int]] = {}
        for span in spans:
            found = self._dwells(surface, span)
            if found:
                events[_span(span)] = found
        buckets = sorted({bucket for found in events.values() for bucket in found})
        if not buckets:
            return None
        bars = [
            HistogramBar(days, bucket[1], found.get(bucket, 0) / sum(found.values()))
            for days, found in events.items()
            for bucket in buckets
        ]
        return Histogram(surface, tuple(name for _, name in buckets), tuple(bars))

    def _dwells(self, surface: str, span: tuple[date, date]) -> dict[tuple[int, str], int]:
        rows = self._sums(
            "analytics.dwell_histogram_daily",
            ["bucket_lower_ms", "bucket"],
            ("events",),
            [("surface", "=", surface), ("day", ">=", span[0]), ("day", "<=", span[1])],
        )
        return {(int(lower), str(bucket)): int(events) for lower, bucket, events in rows}

    def _sums(
        self,
        mart: str,
        group_by: Sequence[str],
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> list[tuple[Any, ...]]:
        measures = [("sum", column) for column in columns]
        return self.warehouse.aggregate(self._relation(mart), group_by, measures, where)

    def _relation(self, name: str) -> Relation:
        return Relation.parse(name, self.prefix)


def _span(days: tuple[date, date]) -> str:
    first, last = days
    return f"{first}" if first == last else f"{first} to {last:%m-%d}"


def _number(value: Any) -> float | None:
    return None if value is None else float(cast("float", value))
