"""The scenarios: which incidents are planted when, as data.

A scenario is a tuple of frozen incidents. Days are numbers counted from the first simulated day;
a negative day counts from the end, -1 being the last full day. An incident that does not fit into
the simulated range is left out, and `truth.json` then does not name it.
"""

from __future__ import annotations

from dataclasses import replace

from alerts.errors import ConfigurationError
from alerts.simulate.incidents import (
    BrokenRows,
    CtrDrift,
    CtrDrop,
    DwellDrop,
    Incident,
    LateRows,
    MissingDay,
)
from alerts.simulate.long import LONG
from alerts.simulate.long import TRACED_DAYS as LONG_TRACED_DAYS
from alerts.simulate.trace_incidents import (
    ColdStartRise,
    CollaborativeOutage,
    OverlapSpike,
    ReasonOutage,
    ShareDecline,
    ShareDrop,
    StockOutage,
    TraceIncident,
)

# Days before an incident counted from the end that must be calm, for rules that look back.
CALM_DAYS = 7

IMPRESSION_INCIDENTS: tuple[Incident, ...] = (
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

# Counted from the end, as responses are traced only on the last days. Each surface has its own
# incidents on days of their own, so that each rule has one cause. The hours are busy ones (UTC).
TRACE_INCIDENTS: tuple[TraceIncident, ...] = (
    CollaborativeOutage(
        "home-collaborative-outage",
        first_day=-18,
        last_day=-18,
        surface="home",
        start_minute=13 * 60,
        minutes=240,
        sentence=(
            "The collaborative source gave home no candidate for four hours; content-based ones "
            "took their place, so that the personalized share stayed."
        ),
    ),
    ColdStartRise(
        "pdp-cold-start-rise",
        first_day=-15,
        last_day=-14,
        surface="pdp",
        rate=0.25,
        sentence="A quarter of the responses on pdp are cold starts for two days, instead of 4 %.",
    ),
    ReasonOutage(
        "home-reason-outage",
        first_day=-13,
        last_day=-13,
        surface="home",
        start_minute=17 * 60,
        minutes=120,
        coverage=0.2,
        sentence="Four of five items on home carry no reason for two hours, instead of 15 %.",
    ),
    OverlapSpike(
        "cart-overlap-spike",
        first_day=-11,
        last_day=-10,
        surface="cart",
        list_items=13,
        sentence=(
            "For two whole days everybody gets nearly the same list on cart: ten of thirteen items."
        ),
    ),
    StockOutage(
        "cart-stock-outage",
        first_day=-8,
        last_day=-7,
        surface="cart",
        rate=0.2,
        sentence="A fifth of the items served on cart cannot be bought for two days.",
    ),
    ShareDrop(
        "home-personalization-drop",
        first_day=-6,
        last_day=-6,
        surface="home",
        start_minute=19 * 60,
        minutes=40,
        factor=0.45,
        sentence=(
            "The personalized share on home falls from 0.66 to about 0.3 for forty minutes; the "
            "day as a whole loses less than 3 % of its share."
        ),
    ),
    ShareDecline(
        "pdp-personalization-decline",
        first_day=-5,
        last_day=-4,
        surface="pdp",
        factor=0.88,
        sentence="The personalized share on pdp is down by 12 % for two days.",
    ),
)

DEMO: tuple[Incident, ...] = (*IMPRESSION_INCIDENTS, *TRACE_INCIDENTS)
SCENARIOS: dict[str, tuple[Incident, ...]] = {"demo": DEMO, "calm": (), "long": LONG}
# Tracing was switched on this many days before the end, where nothing else is said.
TRACED_DAYS = 24
_TRACED_DAYS = {"long": LONG_TRACED_DAYS}


def traced_days(scenario: str) -> int:
    """On how many of the last days responses are traced."""
    return _TRACED_DAYS.get(scenario, TRACED_DAYS)


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
    """Whether the range holds it, with calm days before one that is counted from the end."""
    if isinstance(incident, TraceIncident) or (isinstance(incident, CtrDrop) and incident.running):
        return incident.first_day >= CALM_DAYS
    last = incident.arrival_day if isinstance(incident, LateRows) else incident.last_day
    # The end of the range stays free for the incident that is still running there.
    return last < days - 2
