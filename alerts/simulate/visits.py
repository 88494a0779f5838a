"""What happens in the shop on one day to one slice of users: visits and the impressions in them.

All arrays; nothing here knows about files, tables or incidents' names.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from alerts.simulate.options import DAY_MS
from alerts.simulate.world import (
    COUNTRIES,
    SURFACES,
    Bools,
    Floats,
    Ints,
    World,
    pick_from,
)

if TYPE_CHECKING:
    from alerts.simulate.assignments import Assignments
    from alerts.simulate.incidents import Effects

# Monday first. Traffic has a season, the CTR hardly any.
TRAFFIC_BY_WEEKDAY = (1.02, 1.03, 1.03, 1.01, 0.97, 0.96, 0.98)
CTR_BY_WEEKDAY = (1.0, 0.995, 1.0, 1.0, 0.995, 1.005, 1.005)

# Local hours from midnight: quiet at night, lunch and evening peaks.
TRAFFIC_BY_HOUR = np.array(
    [
        [1.2, 0.7, 0.4, 0.3, 0.3, 0.5, 1.2, 2.4, 3.6, 4.2, 4.6, 5.0],
        [5.6, 5.2, 4.6, 4.4, 4.6, 5.2, 6.0, 7.0, 7.6, 7.2, 5.4, 2.8],
    ]
).ravel()

# Impressions of a visit, 1 to 12; visits longer than a list go on to a second surface.
LENGTH_WEIGHTS = np.array([3.0, 4, 5, 8, 9, 12, 6, 6, 7, 9, 10, 14])
LIST_LENGTH = 6

# Log scale of dwell. About one dwell in seventy is a tab left open.
DWELL_SIGMA = 0.9
DWELL_MEAN_CLICKED_MS = 12_600.0
DWELL_MEAN_SEEN_MS = 9_800.0
LEFT_OPEN_SHARE = 0.015
LEFT_OPEN_FACTOR = 5.0
MAX_DWELL_MS = 3_600_000.0
DWELL_SHARE_CLICKED = 0.95
DWELL_SHARE_SEEN = 0.12

OPTED_OUT_CTR_FACTOR = 0.9


@dataclass(frozen=True, slots=True)
class Arrays:
    """Equally long arrays, one value per row."""

    def take(self, rows: Bools | Ints) -> Self:
        """These rows only, in this order."""
        taken = {field.name: getattr(self, field.name)[rows] for field in fields(self)}
        return replace(self, **taken)


@dataclass(frozen=True, slots=True)
class Visits(Arrays):
    """Visits of one day and one slice of users, in order of start.

    Attributes:
        number: Number of the visit in the whole simulation.
        user: User number.
        start_ms: Start, milliseconds since 1970 UTC.
        end_ms: End, after the last impression.
        length: Impressions drawn for it.
        first_visit: Whether the user had never been here before.
        is_bounce: One list, and no click.
        is_crash_free: Whether the client survived it.
    """

    number: Ints
    user: Ints
    start_ms: Ints
    end_ms: Ints
    length: Ints
    first_visit: Bools
    is_bounce: Bools
    is_crash_free: Bools


@dataclass(frozen=True, slots=True)
class Impressions(Arrays):
    """Impressions, in order of time.

    Attributes:
        number: Number of the impression in the whole simulation.
        visit: Number of its visit.
        user: User number.
        surface: Index into `SURFACES`.
        item: Item number.
        experiment: Index into the running experiments, or none.
        arm: Arm within it.
        score: Personalization score, NaN where personalization is off.
        created_ms: Milliseconds since 1970 UTC.
        clicked: Whether it was clicked.
        dwell_ms: Dwell in milliseconds, NaN where none was measured.
    """

    number: Ints
    visit: Ints
    user: Ints
    surface: Ints
    item: Ints
    experiment: Ints
    arm: Ints
    score: Floats
    created_ms: Ints
    clicked: Bools
    dwell_ms: Floats


@dataclass(frozen=True, slots=True)
class Shop:
    """What shapes a day: the world, its experiments, its incidents, and who has been here."""

    world: World
    assignments: Assignments
    effects: Effects
    seen: Bools


def draw_visits(shop: Shop, rng: np.random.Generator, day: int, users: range) -> Visits:
    """The visits of these users on day number `day`, numbered from 0."""
    traits, calendar = shop.world.users, shop.world.calendar
    here = slice(users.start, users.stop)
    rate = traits.activity[here] * TRAFFIC_BY_WEEKDAY[calendar.weekday(day)]
    rate = np.where(traits.joined_day[here] <= day, rate, 0.0)
    user = users.start + np.repeat(np.arange(len(users)), rng.poisson(rate))
    hours = pick_from(np.cumsum(TRAFFIC_BY_HOUR) / TRAFFIC_BY_HOUR.sum(), rng.random(len(user)))
    offsets = np.array([country.utc_offset for country in COUNTRIES])
    hour = (hours - offsets[traits.country[user]]) % 24
    start = calendar.midnight_ms(day) + hour * 3_600_000 + rng.integers(3_600_000, size=len(user))
    length = 1 + pick_from(np.cumsum(LENGTH_WEIGHTS) / LENGTH_WEIGHTS.sum(), rng.random(len(user)))
    crash_free = rng.random(len(user)) < 0.995
    order = np.argsort(start, kind="stable")
    user, start = user[order], start[order]
    return Visits(
        number=np.arange(len(user)),
        user=user,
        start_ms=start,
        end_ms=start,
        length=length,
        first_visit=_first_visits(shop.seen, user),
        is_bounce=np.zeros(len(user), dtype=np.bool_),
        is_crash_free=crash_free,
    )


def _first_visits(seen: Bools, user: Ints) -> Bools:
    """Which visits are the first ever of their user; remembers that they came."""
    _, earliest = np.unique(user, return_index=True)
    first = np.zeros(len(user), dtype=np.bool_)
    first[earliest] = True
    first &= ~seen[user]
    seen[user] = True
    return first


def draw_impressions(
    shop: Shop, rng: np.random.Generator, day: int, visits: Visits
) -> tuple[Visits, Impressions]:
    """The impressions of the visits, numbered from 0, and the visits with their ends.

    `visit` of an impression is the place of its visit in `visits`.
    """
    visit = np.repeat(np.arange(len(visits.user)), visits.length)
    count = len(visit)
    first = np.cumsum(visits.length) - visits.length
    place = np.arange(count) - first[visit]
    user = visits.user[visit]
    surface = _surfaces(rng, visits, visit, place)
    # A second list takes longer to reach than the next item of the first.
    gap = rng.exponential(8_000.0, count) + np.where(place == LIST_LENGTH, 40_000.0, 0.0)
    passed = np.cumsum(gap)
    before = passed[first[visit]] - gap[first[visit]]
    created = visits.start_ms[visit] + 1 + (passed - before).astype(np.int64)

    experiment, arm = shop.assignments.served(day, user, surface)
    item = pick_from(shop.world.items.shown_up_to, rng.random(count))
    opted_out = shop.world.users.opted_out[user]
    score = np.round(rng.beta(2.0, 2.0, count), 3)
    drawn = Impressions(
        number=np.arange(count),
        visit=visit,
        user=user,
        surface=surface,
        item=item,
        experiment=experiment,
        arm=arm,
        score=np.where(opted_out, np.nan, score),
        created_ms=created,
        clicked=np.zeros(count, dtype=np.bool_),
        dwell_ms=np.full(count, np.nan),
    )
    new_list = (place == 0) | (place == LIST_LENGTH)
    clicked = _clicks(rng, _click_probability(shop, day, drawn), new_list)
    dwell = _dwell(rng, clicked) * shop.effects.dwell[surface, _day_of(shop, created)]
    drawn = replace(drawn, clicked=clicked, dwell_ms=np.maximum(np.round(dwell), 1.0))
    return _ended(rng, visits, drawn), drawn


def _day_of(shop: Shop, created_ms: Ints) -> Ints:
    """Day numbers of instants; what lies after the range counts as its last morning."""
    calendar = shop.world.calendar
    return np.minimum((created_ms - calendar.start_ms) // DAY_MS, calendar.days)


def _surfaces(rng: np.random.Generator, visits: Visits, visit: Ints, place: Ints) -> Ints:
    """The surface of each impression: a visit opens on one and may go on to another."""
    count = len(visits.user)
    opens = _weighted(rng, [surface.opens for surface in SURFACES], count)
    opens_new = _weighted(rng, [surface.opens_new for surface in SURFACES], count)
    follows = _weighted(rng, [surface.follows for surface in SURFACES], count)
    opening = np.where(visits.first_visit, opens_new, opens)
    return np.where(place < LIST_LENGTH, opening[visit], follows[visit])


def _weighted(rng: np.random.Generator, weights: list[float], count: int) -> Ints:
    return pick_from(np.cumsum(weights) / sum(weights), rng.random(count))


def _click_probability(shop: Shop, day: int, drawn: Impressions) -> Floats:
    """The click probability of each impression."""
    world = shop.world
    base = np.array([surface.ctr for surface in SURFACES])[drawn.surface]
    score = np.where(np.isnan(drawn.score), OPTED_OUT_CTR_FACTOR, 0.6 + 0.8 * drawn.score)
    experiment = shop.assignments.ctr_factor(drawn.experiment, drawn.arm)
    incident = shop.effects.ctr[drawn.surface, _day_of(shop, drawn.created_ms)]
    user = world.users.propensity[drawn.user] * world.items.appeal[drawn.item]
    weekday = CTR_BY_WEEKDAY[world.calendar.weekday(day)]
    clicks: Floats = base * user * score * experiment * incident * weekday
    return clicks


def _clicks(rng: np.random.Generator, probability: Floats, new_list: Bools) -> Bools:
    """At most one click per list, as whoever clicks leaves the list for the item's page.

    One uniform number per list falls into the item whose stretch of the cumulated probabilities
    holds it, or behind all of them: each impression is clicked with exactly its probability.
    """
    of_list = np.cumsum(new_list) - 1
    starts = np.flatnonzero(new_list)
    total = np.cumsum(probability)
    upper = total - (total[starts] - probability[starts])[of_list]
    falls = rng.random(len(starts))[of_list]
    clicked: Bools = (falls < upper) & (falls >= upper - probability)
    return clicked


def _dwell(rng: np.random.Generator, clicked: Bools) -> Floats:
    """Dwell in milliseconds; NaN where none was measured."""
    count = len(clicked)
    mean = np.where(clicked, DWELL_MEAN_CLICKED_MS, DWELL_MEAN_SEEN_MS)
    dwell = mean * np.exp(DWELL_SIGMA * rng.standard_normal(count) - DWELL_SIGMA**2 / 2)
    dwell = np.where(rng.random(count) < LEFT_OPEN_SHARE, dwell * LEFT_OPEN_FACTOR, dwell)
    share = np.where(clicked, DWELL_SHARE_CLICKED, DWELL_SHARE_SEEN)
    return np.where(rng.random(count) < share, np.minimum(dwell, MAX_DWELL_MS), np.nan)


def _ended(rng: np.random.Generator, visits: Visits, drawn: Impressions) -> Visits:
    """The visits with their end and whether they bounced."""
    count = len(visits.user)
    last = np.cumsum(visits.length) - 1
    lingers = 1_000 + rng.exponential(45_000.0, count).astype(np.int64)
    clicks = np.bincount(drawn.visit, weights=drawn.clicked, minlength=count)
    bounce = (clicks == 0) & (visits.length <= LIST_LENGTH // 2)
    return replace(visits, end_ms=drawn.created_ms[last] + lingers, is_bounce=bounce)


def keep_collected(
    shop: Shop, visits: Visits, drawn: Impressions, numbers: tuple[int, int]
) -> tuple[Visits, Impressions]:
    """What was collected, in order of time and numbered on from `numbers` (visits, impressions).

    Lost are visits that begin on a missing day, impressions on one, and all after the end.
    """
    calendar, missing = shop.world.calendar, shop.effects.missing
    begun = (visits.start_ms < calendar.end_ms) & ~missing[_day_of(shop, visits.start_ms)]
    kept = begun[drawn.visit] & (drawn.created_ms < calendar.end_ms)
    kept &= ~missing[_day_of(shop, drawn.created_ms)]
    number = numbers[0] + np.cumsum(begun) - 1
    drawn = drawn.take(kept)
    drawn = drawn.take(np.argsort(drawn.created_ms, kind="stable"))
    drawn = replace(
        drawn,
        number=numbers[1] + np.arange(len(drawn.number)),
        visit=number[drawn.visit],
    )
    return replace(visits, number=number).take(begun), drawn
