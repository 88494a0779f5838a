"""The planted incidents, as data, and what they do to the figures of a day.

A scenario is a tuple of frozen incidents. Days are numbers counted from the first simulated day;
a negative day counts from the end, -1 being the last full day. An incident that does not fit into
the simulated range is left out, and `truth.json` then does not name it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from alerts.errors import ConfigurationError
from alerts.simulate.world import SURFACES

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMPRESSIONS = "personalization_metrics"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong from `first_day` to `last_day`, both included.

    Attributes:
        id: Its name in `truth.json`.
        first_day: First day number touched.
        last_day: Last day number touched.
        sentence: What a person should know about it.
    """

    id: str
    first_day: int
    last_day: int
    sentence: str

    kind: ClassVar[str] = ""
    metric: ClassVar[str] = ""
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


DEMO: tuple[Incident, ...] = (
    MissingDay(
        "missing-day",
        first_day=9,
        last_day=9,
        sentence="Collection stood still for one UTC day: no impressions, sessions, interactions.",
    ),
    BrokenRows(
        "broken-rows",
        first_day=17,
        last_day=17,
        share=0.004,
        sentence="A faulty client sent extra lines that the loader rejects or staging refuses.",
    ),
    CtrDrop(
        "pdp-ctr-drop",
        first_day=22,
        last_day=24,
        surface="pdp",
        factor=0.35,
        sentence=(
            "Click probability on pdp falls to 35 % for three days; the CTR of its week is down "
            "about 28 % on the week before."
        ),
    ),
    CtrDrift(
        "cart-ctr-drift",
        first_day=25,
        last_day=48,
        surface="cart",
        weekly_factor=0.70,
        sentence=(
            "Click probability on cart falls a little every day, by 30 % a week, then is repaired: "
            "each of the three whole weeks within is 27 to 30 % below the week before it, and the "
            "last days lie under a 4 % threshold."
        ),
    ),
    DwellDrop(
        "visit-history-dwell-drop",
        first_day=31,
        last_day=32,
        surface="visit_history",
        factor=0.3,
        sentence="Dwell times on visit_history are cut to 30 % for two days.",
    ),
    LateRows(
        "late-rows",
        first_day=36,
        last_day=40,
        arrival_day=44,
        late_share=0.04,
        duplicate_share=0.01,
        updated_share=0.08,
        sentence=(
            "Rows of five days arrive days later in a part of their own; some were sent before, "
            "some are newer versions whose click arrives as an update."
        ),
    ),
    CtrDrop(
        "recently-viewed-ctr-drop",
        first_day=-2,
        last_day=-1,
        surface="recently_viewed",
        factor=0.2,
        running=True,
        sentence=(
            "Click probability on recently_viewed falls to 20 % on the last two full days and is "
            "still down on the morning after."
        ),
    ),
)

SCENARIOS: dict[str, tuple[Incident, ...]] = {"demo": DEMO, "calm": ()}

Planted = TypeVar("Planted", bound=Incident)


def plan(scenario: str, days: int) -> tuple[Incident, ...]:
    """The incidents of a scenario that fit into `days` days, in order of time.

    Raises:
        ConfigurationError: There is no such scenario.
    """
    if scenario not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise ConfigurationError(f"--scenario {scenario}: unknown; there are {known}.")
    placed = [_placed(incident, days) for incident in SCENARIOS[scenario]]
    fitting = [incident for incident in placed if _fits(incident, days)]
    return tuple(sorted(fitting, key=lambda incident: (incident.first_day, incident.id)))


def _placed(incident: Incident, days: int) -> Incident:
    """The incident with its days counted from the start."""
    if incident.first_day >= 0:
        return incident
    return replace(incident, first_day=days + incident.first_day, last_day=days + incident.last_day)


def _fits(incident: Incident, days: int) -> bool:
    """Whether the range holds it, with a week of calm before one that runs at the end."""
    if isinstance(incident, CtrDrop) and incident.running:
        return incident.first_day >= 7
    last = incident.arrival_day if isinstance(incident, LateRows) else incident.last_day
    # The end of the range stays free for the incident that is still running there.
    return last < days - 2


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
