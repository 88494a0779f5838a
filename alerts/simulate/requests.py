"""Who asks the recommender for a list, where and when: the visits of the shop and their requests.

The shop's telemetry has visits of its own, apart from the app's `sessions`. All arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alerts.simulate.assignments import NO_EXPERIMENT
from alerts.simulate.options import DAY_MS
from alerts.simulate.scenarios import traced_days
from alerts.simulate.visits import TRAFFIC_BY_HOUR, TRAFFIC_BY_WEEKDAY, Arrays
from alerts.simulate.world import COUNTRIES, SURFACES, Bools, Floats, Ints, World, pick_from

if TYPE_CHECKING:
    from alerts.simulate.options import Options

NAMESPACE = "shop"

# Visits of the shop per session of the app. With the default users this gives home about eighteen
# responses in five minutes of a busy hour.
VISITS_PER_SESSION = 2.05
# Every visit opens on home; a share of them goes on to each of these, minutes later on average.
FOLLOWS = (("pdp", 0.17, 4.0), ("cart", 0.12, 9.0))

# So many days after joining a user is a new one.
NEW_USER_DAYS = 14
COLD_START_NEW = 0.35
COLD_START_RETURNING = 0.028


@dataclass(frozen=True, slots=True)
class Requests(Arrays):
    """Requests for a list, in order of time.

    Attributes:
        number: Number of the request in the whole simulation.
        visit: Number of the shop's visit.
        user: User number.
        surface: Index into `SURFACES`.
        created_ms: Milliseconds since 1970 UTC.
        is_new: Whether the user is a new one.
        experiment: Index of the running experiment that rows name, or none.
        arm: Arm within it.
    """

    number: Ints
    visit: Ints
    user: Ints
    surface: Ints
    created_ms: Ints
    is_new: Bools
    experiment: Ints
    arm: Ints

    def cold_start_rate(self) -> Floats:
        """The usual probability of a cold start: new users have little history."""
        return np.where(self.is_new, COLD_START_NEW, COLD_START_RETURNING)


def is_traced(options: Options, day: int) -> bool:
    """Whether responses of this day number are traced."""
    return day >= options.days - traced_days(options.scenario)


def draw_requests(
    world: World, rng: np.random.Generator, day: int, users: range, numbers: tuple[int, int]
) -> Requests:
    """The requests on visits that begin on this day, numbered on from `numbers` (visits, requests).

    What would come after the end of the data is left out. They name no experiment yet.
    """
    visitor, start = _visits(world, rng, day, users)
    visit = np.arange(len(visitor))
    row = {surface.name: index for index, surface in enumerate(SURFACES)}
    visits, surfaces = [visit], [np.full(len(visit), row["home"])]
    times = [start]
    for surface, share, minutes in FOLLOWS:
        taken = np.flatnonzero(rng.random(len(visit)) < share)
        delay = rng.exponential(minutes * 60_000, len(taken)).astype(np.int64)
        visits.append(taken)
        surfaces.append(np.full(len(taken), row[surface]))
        times.append(start[taken] + 1_000 + delay)
    of_visit, created = np.concatenate(visits), np.concatenate(times)
    user = visitor[of_visit]
    joined = world.users.joined_day[user]
    drawn = Requests(
        number=np.zeros(len(user), dtype=np.int64),
        visit=numbers[0] + of_visit,
        user=user,
        surface=np.concatenate(surfaces),
        created_ms=created,
        is_new=(joined >= 0) & (day - joined < NEW_USER_DAYS),
        experiment=np.full(len(user), NO_EXPERIMENT),
        arm=np.zeros(len(user), dtype=np.int64),
    )
    order = np.argsort(created, kind="stable")
    drawn = drawn.take(order[created[order] < world.calendar.end_ms])
    return replace(drawn, number=numbers[1] + np.arange(len(drawn.user)))


def _visits(world: World, rng: np.random.Generator, day: int, users: range) -> tuple[Ints, Ints]:
    """User and start of each visit of these users that begins on this day."""
    traits, calendar = world.users, world.calendar
    here = slice(users.start, users.stop)
    rate = traits.activity[here] * VISITS_PER_SESSION * TRAFFIC_BY_WEEKDAY[calendar.weekday(day)]
    rate = np.where(traits.joined_day[here] <= day, rate, 0.0)
    user = users.start + np.repeat(np.arange(len(users)), rng.poisson(rate))
    hours = pick_from(np.cumsum(TRAFFIC_BY_HOUR) / TRAFFIC_BY_HOUR.sum(), rng.random(len(user)))
    offsets = np.array([country.utc_offset for country in COUNTRIES])
    hour = (hours - offsets[traits.country[user]]) % 24
    return user, calendar.midnight_ms(day) + hour * (DAY_MS // 24) + rng.integers(
        DAY_MS // 24, size=len(user)
    )
