"""The kinds of incident that touch the shop's responses, and the rates that hold without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alerts.simulate.incidents import Incident
from alerts.simulate.options import DAY_MS
from alerts.simulate.world import SURFACES, Bools, Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.simulate.options import Calendar

TRACES = "decision_traces"
PERSONALIZATION_DAILY = "analytics.personalization_daily"
PERSONALIZATION_INTRADAY = "analytics.personalization_intraday"
CANDIDATE_SOURCES = "analytics.candidate_sources_daily"

MINUTE_MS = 60_000

# What holds without an incident. The personalized share is that of users who have not opted out.
PERSONALIZED_SHARE = 0.68
REASON_COVERAGE = 0.85
UNAVAILABLE_SHARE = 0.02
NO_COLLABORATIVE_SHARE = 0.01
SLOW_SHARE = 0.015


@dataclass(frozen=True, slots=True)
class TraceIncident(Incident):
    """Something that goes wrong in the responses on one surface.

    Attributes:
        surface: Where.
        start_minute: Minute of the first day (UTC) at which it begins.
        minutes: How long it lasts; None up to the end of the last day.
    """

    surface: str
    start_minute: int = 0
    minutes: int | None = None

    table: ClassVar[str] = TRACES
    mart: ClassVar[str] = PERSONALIZATION_DAILY

    def span_ms(self, calendar: Calendar) -> tuple[int, int]:
        """From when until before when, in milliseconds since 1970 UTC."""
        start = calendar.midnight_ms(self.first_day) + self.start_minute * MINUTE_MS
        if self.minutes is None:
            return start, calendar.midnight_ms(self.last_day) + DAY_MS
        return start, start + self.minutes * MINUTE_MS

    def size(self) -> dict[str, Any]:
        """How large it is, for `truth.json`."""
        return {}

    def details(self) -> dict[str, Any]:
        """Surface and size."""
        lasts = {} if self.minutes is None else {"minutes": self.minutes}
        return {"surface": self.surface, "size": self.size() | lasts}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDrop(TraceIncident):
    """The personalized share is multiplied by `factor` for a part of a day."""

    factor: float

    kind: ClassVar[str] = "personalized_share_drop"
    metric: ClassVar[str] = "personalized_impression_rate"
    mart: ClassVar[str] = PERSONALIZATION_INTRADAY

    def size(self) -> dict[str, Any]:
        """The factor."""
        return {"share_factor": self.factor}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDecline(TraceIncident):
    """The personalized share is multiplied by `factor` on whole days."""

    factor: float

    kind: ClassVar[str] = "personalized_share_decline"
    metric: ClassVar[str] = "personalized_impression_rate"

    def size(self) -> dict[str, Any]:
        """The factor."""
        return {"share_factor": self.factor}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonOutage(TraceIncident):
    """Only a share `coverage` of the items carries a reason."""

    coverage: float

    kind: ClassVar[str] = "reason_outage"
    metric: ClassVar[str] = "reason_coverage_rate"
    mart: ClassVar[str] = PERSONALIZATION_INTRADAY

    def size(self) -> dict[str, Any]:
        """The coverage left."""
        return {"reason_coverage_rate": self.coverage}


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapSpike(TraceIncident):
    """Every list is drawn from the same `list_items` items; the items' flags stay as they are."""

    list_items: int

    kind: ClassVar[str] = "overlap_spike"
    metric: ClassVar[str] = "catalog_overlap_pct"

    def size(self) -> dict[str, Any]:
        """The number of items that lists are drawn from."""
        return {"list_items": self.list_items}


@dataclass(frozen=True, slots=True)
class CollaborativeOutage(TraceIncident):
    """The collaborative source has no candidates; content-based ones take their place."""

    kind: ClassVar[str] = "collaborative_outage"
    metric: ClassVar[str] = "longest_zero_streak"
    mart: ClassVar[str] = CANDIDATE_SOURCES


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStartRise(TraceIncident):
    """A share `rate` of the responses is a cold start."""

    rate: float

    kind: ClassVar[str] = "cold_start_rise"
    metric: ClassVar[str] = "cold_start_rate"

    def size(self) -> dict[str, Any]:
        """The rate."""
        return {"cold_start_rate": self.rate}


@dataclass(frozen=True, slots=True, kw_only=True)
class StockOutage(TraceIncident):
    """A share `rate` of the served items cannot be bought."""

    rate: float

    kind: ClassVar[str] = "stock_outage"
    metric: ClassVar[str] = "out_of_stock_rate"

    def size(self) -> dict[str, Any]:
        """The rate."""
        return {"out_of_stock_rate": self.rate}


@dataclass(frozen=True, slots=True)
class Rates:
    """What holds for each response.

    Attributes:
        share: Probability that an item is personal.
        reasons: Probability that an item carries a reason.
        unavailable: Probability that an item cannot be bought.
        cold_start: Probability of a cold start; NaN where it depends on the user.
        no_collaborative: Probability that the collaborative source has no candidates.
        same_list: How many items all lists are drawn from; 0 where lists are personal.
        slow: Probability that the response is a slow one; experiments change it.
    """

    share: Floats
    reasons: Floats
    unavailable: Floats
    cold_start: Floats
    no_collaborative: Floats
    same_list: Ints
    slow: Floats


def rates(
    incidents: Sequence[TraceIncident], calendar: Calendar, surface: Ints, created_ms: Ints
) -> Rates:
    """The rates of responses on these surfaces (indices into `SURFACES`) at these instants."""
    count = len(surface)
    found = Rates(
        share=np.full(count, PERSONALIZED_SHARE),
        reasons=np.full(count, REASON_COVERAGE),
        unavailable=np.full(count, UNAVAILABLE_SHARE),
        cold_start=np.full(count, np.nan),
        no_collaborative=np.full(count, NO_COLLABORATIVE_SHARE),
        same_list=np.zeros(count, dtype=np.int64),
        slow=np.full(count, SLOW_SHARE),
    )
    row = {known.name: index for index, known in enumerate(SURFACES)}
    for incident in incidents:
        start, end = incident.span_ms(calendar)
        here = (surface == row[incident.surface]) & (created_ms >= start) & (created_ms < end)
        _apply(incident, found, here)
    return found


def _apply(incident: TraceIncident, found: Rates, here: Bools) -> None:
    match incident:
        case ShareDrop() | ShareDecline():
            found.share[here] *= incident.factor
        case ReasonOutage():
            found.reasons[here] = incident.coverage
        case OverlapSpike():
            found.same_list[here] = incident.list_items
        case CollaborativeOutage():
            found.no_collaborative[here] = 1.0
        case ColdStartRise():
            found.cold_start[here] = incident.rate
        case StockOutage():
            found.unavailable[here] = incident.rate
