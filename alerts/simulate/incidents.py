"""The kinds of incident that touch impressions, and what they do to the figures of a day.

Those of the shop's responses are in `trace_incidents`; which are planted when, in `scenarios`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from alerts.simulate.world import SURFACES

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMPRESSIONS = "personalization_metrics"
ENGAGEMENT = "analytics.engagement_daily"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong from `first_day` to `last_day`, both included.

    Attributes:
        id: Its name in `truth.json`.
        first_day: First day number touched.
        last_day: Last day number touched.
        sentence: What a person should know about it.

    Each kind says which raw table it touches, and in which metric of which mart it shows.
    """

    id: str
    first_day: int
    last_day: int
    sentence: str

    kind: ClassVar[str] = ""
    metric: ClassVar[str] = ""
    mart: ClassVar[str] = ENGAGEMENT
    table: ClassVar[str] = IMPRESSIONS

    def details(self) -> dict[str, Any]:
        """What `truth.json` says beside the common keys."""
        return {"surface": None, "size": {"days": self.last_day - self.first_day + 1}}


@dataclass(frozen=True, slots=True)
class CtrDrop(Incident):
    """The click probability of one surface is multiplied by `factor`.

    With `running` it goes on through the morning after the last full day.
    """

    surface: str
    factor: float
    running: bool = False

    kind: ClassVar[str] = "ctr_drop"
    metric: ClassVar[str] = "ctr"

    def details(self) -> dict[str, Any]:
        """Surface, size, and whether it is still going on at the end."""
        size = {"ctr_factor": self.factor}
        return {"surface": self.surface, "size": size, "running": self.running}


@dataclass(frozen=True, slots=True)
class DwellDrop(Incident):
    """The dwell times of one surface are multiplied by `factor`."""

    surface: str
    factor: float

    kind: ClassVar[str] = "dwell_drop"
    metric: ClassVar[str] = "avg_dwell_ms"

    def details(self) -> dict[str, Any]:
        """Surface and size."""
        return {"surface": self.surface, "size": {"dwell_factor": self.factor}}


@dataclass(frozen=True, slots=True)
class CtrDrift(Incident):
    """The click probability of one surface falls each day, by `weekly_factor` in seven days."""

    surface: str
    weekly_factor: float

    kind: ClassVar[str] = "ctr_drift"
    metric: ClassVar[str] = "ctr"

    def factor(self, day: int) -> float:
        """What is left of the click probability on day number `day`."""
        return float(self.weekly_factor ** ((day - self.first_day + 1) / 7))

    def details(self) -> dict[str, Any]:
        """Surface, weekly step and what is left on the last day."""
        size = {
            "weekly_factor": self.weekly_factor,
            "ctr_factor_on_last_day": round(self.factor(self.last_day), 4),
        }
        return {"surface": self.surface, "size": size}


@dataclass(frozen=True, slots=True)
class MissingDay(Incident):
    """Nothing was collected: no impression, session or interaction."""

    kind: ClassVar[str] = "missing_day"
    metric: ClassVar[str] = "impressions"


@dataclass(frozen=True, slots=True)
class BrokenRows(Incident):
    """Extra rows of which each carries one defect; `share` of the day's rows per defect."""

    share: float

    kind: ClassVar[str] = "broken_rows"
    metric: ClassVar[str] = "rejected_rows"


@dataclass(frozen=True, slots=True)
class LateRows(Incident):
    """Rows of these days arrive at the end of day `arrival_day`, some again, some newer.

    Shares are of the impressions of these days; `updated_share` is of those with a click.
    """

    arrival_day: int
    late_share: float
    duplicate_share: float
    updated_share: float

    kind: ClassVar[str] = "late_rows"
    metric: ClassVar[str] = "late_rows"


Planted = TypeVar("Planted", bound=Incident)


def of_kind(incidents: tuple[Incident, ...], kind: type[Planted]) -> tuple[Planted, ...]:
    """Those of one kind."""
    return tuple(incident for incident in incidents if isinstance(incident, kind))


@dataclass(frozen=True, slots=True)
class Effects:
    """What the incidents do to each surface and day; the last day number is the morning after.

    Attributes:
        ctr: Factor on the click probability, surfaces by days.
        dwell: Factor on the dwell time, surfaces by days.
        missing: Whether nothing was collected, by day.
    """

    ctr: NDArray[np.float64]
    dwell: NDArray[np.float64]
    missing: NDArray[np.bool_]


def effects(incidents: tuple[Incident, ...], days: int) -> Effects:
    """Turn incidents into factors per surface and day."""
    row = {surface.name: index for index, surface in enumerate(SURFACES)}
    ctr = np.ones((len(SURFACES), days + 1))
    dwell = np.ones((len(SURFACES), days + 1))
    missing = np.zeros(days + 1, dtype=np.bool_)
    for incident in incidents:
        touched = slice(incident.first_day, incident.last_day + 1)
        match incident:
            case CtrDrop():
                end = days + 1 if incident.running else touched.stop
                ctr[row[incident.surface], touched.start : end] *= incident.factor
            case CtrDrift():
                for day in range(incident.first_day, incident.last_day + 1):
                    ctr[row[incident.surface], day] *= incident.factor(day)
            case DwellDrop():
                dwell[row[incident.surface], touched] *= incident.factor
            case MissingDay():
                missing[touched] = True
    return Effects(ctr, dwell, missing)
