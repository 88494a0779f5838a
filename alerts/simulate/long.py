"""The scenario `long`: 180 days with forty incidents of all kinds, for `benchmarks/backtest.py`.

Made for 3,000 users from a Monday on. What happens to the CTR or the dwell of a surface lies at
least four weeks after what happened to it before, so that rules with a baseline start from one
without incidents; rules with a week's baseline find a calm week before each. Some incidents are
just large enough to be told from chance, and say so. Nothing here was chosen by what rules find.
"""

from __future__ import annotations

from alerts.simulate.incidents import (
    BrokenRows,
    CtrDrift,
    CtrDrop,
    DwellDrop,
    Incident,
    LateRows,
    MissingDay,
)
from alerts.simulate.trace_incidents import (
    ColdStartRise,
    CollaborativeOutage,
    OverlapSpike,
    ReasonOutage,
    ShareDecline,
    ShareDrop,
    StockOutage,
)

# Responses are traced on the last so many days: they are most of the bytes of a simulation.
TRACED_DAYS = 100

# A surface of 3,000 users has about 2,200 impressions a day, which puts the standard deviation of
# its daily CTR at 7 to 8 % of it.
_CTR: tuple[Incident, ...] = (
    CtrDrop(
        "history-ctr-drop-1",
        first_day=21,
        last_day=22,
        surface="visit_history",
        factor=0.2,
        sentence="Click probability on visit_history falls to 20 % for two days.",
    ),
    CtrDrift(
        "cart-ctr-drift-1",
        first_day=25,
        last_day=48,
        surface="cart",
        weekly_factor=0.70,
        sentence="Click probability on cart falls by 30 % a week for 24 days, then is repaired.",
    ),
    CtrDrop(
        "feed-ctr-drop-1",
        first_day=30,
        last_day=33,
        surface="for_you",
        factor=0.5,
        sentence="Click probability on for_you is halved for four days; it stays above 4 %.",
    ),
    CtrDrop(
        "viewed-ctr-drop-1",
        first_day=44,
        last_day=46,
        surface="recently_viewed",
        factor=0.35,
        sentence="Click probability on recently_viewed falls to 35 % for three days.",
    ),
    CtrDrop(
        "home-ctr-drop-1",
        first_day=52,
        last_day=54,
        surface="home",
        factor=0.45,
        sentence="Click probability on home falls to 45 % for three days: about 4 %.",
    ),
    CtrDrop(
        "pdp-ctr-drop-1",
        first_day=63,
        last_day=65,
        surface="pdp",
        factor=0.35,
        sentence="Click probability on pdp falls to 35 % for three days.",
    ),
    CtrDrift(
        "history-ctr-drift-1",
        first_day=77,
        last_day=97,
        surface="visit_history",
        weekly_factor=0.75,
        sentence="Click probability on visit_history falls by 25 % a week for three whole weeks.",
    ),
    CtrDrop(
        "feed-ctr-drop-2",
        first_day=94,
        last_day=98,
        surface="for_you",
        factor=0.7,
        sentence=(
            "Click probability on for_you is down by 30 % for five days. Just large enough: about "
            "four standard deviations of a day, and far above 4 %."
        ),
    ),
    CtrDrop(
        "cart-ctr-drop-2",
        first_day=101,
        last_day=102,
        surface="cart",
        factor=0.3,
        sentence="Click probability on cart falls to 30 % for two days.",
    ),
    CtrDrop(
        "viewed-ctr-drop-2",
        first_day=112,
        last_day=118,
        surface="recently_viewed",
        factor=0.72,
        sentence=(
            "Click probability on recently_viewed is down by 28 % for a whole week. Just large "
            "enough for rules on days; plain for rules on weeks."
        ),
    ),
    CtrDrift(
        "pdp-ctr-drift-1",
        first_day=112,
        last_day=132,
        surface="pdp",
        weekly_factor=0.8,
        sentence=(
            "Click probability on pdp falls by 20 % a week for three weeks. Just large enough."
        ),
    ),
    CtrDrop(
        "feed-ctr-drop-3",
        first_day=151,
        last_day=152,
        surface="for_you",
        factor=0.4,
        sentence="Click probability on for_you falls to 40 % for two days.",
    ),
    CtrDrop(
        "cart-ctr-drop-3",
        first_day=162,
        last_day=165,
        surface="cart",
        factor=0.6,
        sentence="Click probability on cart falls to 60 % for four days; it stays above 4 %.",
    ),
)

# Mean dwell is about 11 s, its standard deviation on a day 6 to 8 % of it; the floor is 5 s.
_DWELL: tuple[Incident, ...] = (
    DwellDrop(
        "history-dwell-drop-1",
        first_day=35,
        last_day=36,
        surface="visit_history",
        factor=0.3,
        sentence="Dwell times on visit_history are cut to 30 % for two days.",
    ),
    DwellDrop(
        "feed-dwell-drop-1",
        first_day=59,
        last_day=60,
        surface="for_you",
        factor=0.35,
        sentence="Dwell times on for_you are cut to 35 % for two days.",
    ),
    DwellDrop(
        "home-dwell-drop-1",
        first_day=71,
        last_day=71,
        surface="home",
        factor=0.25,
        sentence="Dwell times on home are cut to a quarter for one day.",
    ),
    DwellDrop(
        "viewed-dwell-drop-1",
        first_day=84,
        last_day=86,
        surface="recently_viewed",
        factor=0.3,
        sentence="Dwell times on recently_viewed are cut to 30 % for three days.",
    ),
    DwellDrop(
        "cart-dwell-drop-1",
        first_day=121,
        last_day=123,
        surface="cart",
        factor=0.4,
        sentence=(
            "Dwell times on cart are cut to 40 % for three days. Just large enough: about 4.5 s "
            "where the floor is 5 s."
        ),
    ),
    DwellDrop(
        "pdp-dwell-drop-1",
        first_day=142,
        last_day=143,
        surface="pdp",
        factor=0.3,
        sentence="Dwell times on pdp are cut to 30 % for two days.",
    ),
)

_COLLECTION: tuple[Incident, ...] = (
    MissingDay(
        "missing-day-1",
        first_day=17,
        last_day=17,
        sentence="Collection stood still for one UTC day: no impressions, sessions, interactions.",
    ),
    LateRows(
        "late-rows-1",
        first_day=37,
        last_day=40,
        arrival_day=44,
        late_share=0.04,
        duplicate_share=0.01,
        updated_share=0.08,
        sentence=(
            "Rows of four days arrive days later in a part of their own; some were sent before, "
            "some are newer versions whose click arrives as an update."
        ),
    ),
    BrokenRows(
        "broken-rows-1",
        first_day=41,
        last_day=41,
        share=0.004,
        sentence="A faulty client sent extra lines, each defect 0.4 % of the day's rows.",
    ),
    MissingDay(
        "missing-day-2",
        first_day=89,
        last_day=90,
        sentence="Collection stood still for two UTC days.",
    ),
    BrokenRows(
        "broken-rows-2",
        first_day=105,
        last_day=106,
        share=0.01,
        sentence="A faulty client sent extra lines on two days, each defect 1 % of their rows.",
    ),
    LateRows(
        "late-rows-2",
        first_day=127,
        last_day=129,
        arrival_day=133,
        late_share=0.1,
        duplicate_share=0.02,
        updated_share=0.1,
        sentence="A tenth of the rows of three days arrives days later in a part of their own.",
    ),
    BrokenRows(
        "broken-rows-3",
        first_day=148,
        last_day=148,
        share=0.002,
        sentence=(
            "A faulty client sent extra lines, each defect 0.2 % of the day's rows. Just large "
            "enough where 1 % may be refused."
        ),
    ),
    MissingDay(
        "missing-day-3",
        first_day=157,
        last_day=157,
        sentence="Collection stood still for one UTC day.",
    ),
)

# Counted from the end, as in the demo. The hours are busy ones (UTC).
_TRACES: tuple[Incident, ...] = (
    CollaborativeOutage(
        "home-collaborative-outage-1",
        first_day=-90,
        last_day=-90,
        surface="home",
        start_minute=13 * 60,
        minutes=240,
        sentence="The collaborative source gave home no candidate for four hours.",
    ),
    ColdStartRise(
        "pdp-cold-start-rise-1",
        first_day=-84,
        last_day=-83,
        surface="pdp",
        rate=0.25,
        sentence="A quarter of the responses on pdp are cold starts for two days, instead of 4 %.",
    ),
    ReasonOutage(
        "home-reason-outage-1",
        first_day=-77,
        last_day=-77,
        surface="home",
        start_minute=17 * 60,
        minutes=120,
        coverage=0.2,
        sentence="Four of five items on home carry no reason for two hours, instead of 15 %.",
    ),
    OverlapSpike(
        "cart-overlap-spike-1",
        first_day=-70,
        last_day=-69,
        surface="cart",
        list_items=13,
        sentence="For two whole days everybody gets ten of the same thirteen items on cart.",
    ),
    StockOutage(
        "cart-stock-outage-1",
        first_day=-63,
        last_day=-62,
        surface="cart",
        rate=0.2,
        sentence="A fifth of the items served on cart cannot be bought for two days.",
    ),
    ShareDrop(
        "home-personalization-drop-1",
        first_day=-56,
        last_day=-56,
        surface="home",
        start_minute=19 * 60,
        minutes=40,
        factor=0.45,
        sentence="The personalized share on home falls from 0.66 to about 0.3 for forty minutes.",
    ),
    ShareDecline(
        "pdp-personalization-decline-1",
        first_day=-50,
        last_day=-49,
        surface="pdp",
        factor=0.88,
        sentence="The personalized share on pdp is down by 12 % for two days.",
    ),
    CollaborativeOutage(
        "pdp-collaborative-outage-2",
        first_day=-44,
        last_day=-44,
        surface="pdp",
        start_minute=17 * 60,
        minutes=180,
        sentence=(
            "The collaborative source gave pdp no candidate for three hours. Just large enough."
        ),
    ),
    ColdStartRise(
        "home-cold-start-rise-2",
        first_day=-38,
        last_day=-38,
        surface="home",
        rate=0.19,
        sentence="Of the responses on home 19 % are cold starts for a day, instead of 4 %.",
    ),
    ReasonOutage(
        "home-reason-outage-2",
        first_day=-32,
        last_day=-32,
        surface="home",
        start_minute=18 * 60,
        minutes=90,
        coverage=0.48,
        sentence=(
            "Half of the items on home carry no reason for an hour and a half. Just large enough "
            "where coverage below 60 % must last for an hour."
        ),
    ),
    StockOutage(
        "home-stock-outage-2",
        first_day=-26,
        last_day=-26,
        surface="home",
        rate=0.13,
        sentence="Of the items served on home 13 % cannot be bought for a day, instead of 2 %.",
    ),
    ShareDrop(
        "home-personalization-drop-2",
        first_day=-13,
        last_day=-13,
        surface="home",
        start_minute=18 * 60,
        minutes=60,
        factor=0.7,
        sentence=(
            "The personalized share on home falls from 0.66 to about 0.46 for an hour. Just large "
            "enough where a share below 0.55 must last for half an hour."
        ),
    ),
    ShareDecline(
        "cart-personalization-decline-2",
        first_day=-7,
        last_day=-6,
        surface="cart",
        factor=0.9,
        sentence="The personalized share on cart is down by 10 % for two days.",
    ),
)

LONG: tuple[Incident, ...] = (*_CTR, *_DWELL, *_COLLECTION, *_TRACES)
