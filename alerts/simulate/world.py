"""The simulated shop before anything happens: surfaces, countries, items, users.

Everything a table module needs to know about who and what exists is made here, once, from the
seed. Users are arrays of one value per user, so that a million of them fit in tens of megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from alerts.simulate.options import Calendar, Options

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Streams of random numbers, so that planting an incident changes no draw of anything else.
STREAM_WORLD, STREAM_VISITS, STREAM_BROKEN, STREAM_LATE = range(4)
STREAM_CATALOG, STREAM_TASTE, STREAM_TRACES, STREAM_EVENTS = range(4, 8)


def stream(seed: int, *key: int) -> np.random.Generator:
    """The random numbers that belong to `key`, whatever else is drawn."""
    return np.random.default_rng([seed, *key])


@dataclass(frozen=True, slots=True)
class Surface:
    """A place where recommendations are shown.

    Attributes:
        name: As in `seeds/surfaces.csv`.
        ctr: Click probability of an impression, averaged over users and items.
        opens: Weight among the surfaces a returning user's visit opens on.
        opens_new: The same for a first visit, which has no history to show.
        follows: Weight among the surfaces a longer visit goes on to.
    """

    name: str
    ctr: float
    opens: float
    opens_new: float
    follows: float


# Weights give the surfaces about equal traffic; a CTR near 9 % leaves a daily figure far from the
# 4 % threshold even on a demo of a few thousand users.
SURFACES = (
    Surface("for_you", ctr=0.092, opens=0.26, opens_new=0.5, follows=0.0),
    Surface("recently_viewed", ctr=0.088, opens=0.25, opens_new=0.0, follows=0.0),
    Surface("visit_history", ctr=0.087, opens=0.25, opens_new=0.0, follows=0.0),
    Surface("home", ctr=0.090, opens=0.24, opens_new=0.5, follows=0.0),
    Surface("pdp", ctr=0.090, opens=0.0, opens_new=0.0, follows=0.5),
    Surface("cart", ctr=0.090, opens=0.0, opens_new=0.0, follows=0.5),
)


@dataclass(frozen=True, slots=True)
class Country:
    """A country with its share of users and its hours from UTC (daylight saving left aside)."""

    code: str
    share: float
    utc_offset: int


COUNTRIES = (
    Country("US", 0.30, -5),
    Country("DE", 0.16, 1),
    Country("GB", 0.14, 0),
    Country("FR", 0.12, 1),
    Country("ID", 0.12, 7),
    Country("BR", 0.10, -3),
    Country("IN", 0.06, 5),
)
DEVICES = (("ios", 0.38), ("android", 0.37), ("web", 0.25))
CITIES = ("lisbon", "berlin", "paris", "kyoto", "denpasar", "rio", "oslo", "naples", "quito")

# Category -> how much likelier a click is than on the average item, before normalising.
CATEGORIES = {
    "food": 1.12,
    "beach": 1.08,
    "museum": 0.96,
    "hiking": 0.98,
    "nightlife": 1.04,
    "shopping": 0.94,
    "family": 1.0,
    "wellness": 0.9,
}

ITEMS = 1_500
SESSIONS_PER_USER_DAY = 0.62
MAX_SESSIONS_PER_USER_DAY = 6.0
OPTED_OUT_SHARE = 0.035
CONSENT_SHARE = 0.88
JOIN_LATER_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Items:
    """What is recommended, by item number; low numbers are popular.

    Attributes:
        slug: Destination slug.
        category: Category name.
        city: City of the destination.
        appeal: Factor on the click probability, 1 on average over what is shown.
        shown_up_to: Cumulative share of impressions (Zipf).
    """

    slug: list[str]
    category: list[str]
    city: list[str]
    appeal: Floats
    shown_up_to: Floats


@dataclass(frozen=True, slots=True)
class Users:
    """Who comes, by user number.

    Attributes:
        activity: Expected sessions a day, heavy tailed.
        propensity: Factor on the click probability, 1 on average: a user's impressions are
            correlated through it, and what he did before predicts what he will do.
        country: Index into `COUNTRIES`.
        device: Index into `DEVICES`.
        joined_day: Day number of joining; -1 for those who were there before.
        opted_out: Whether personalization is off.
        consent: Whether data may be shared.
    """

    activity: Floats
    propensity: Floats
    country: NDArray[np.int8]
    device: NDArray[np.int8]
    joined_day: NDArray[np.int32]
    opted_out: Bools
    consent: Bools

    def __len__(self) -> int:
        """How many users there are."""
        return len(self.activity)


@dataclass(frozen=True, slots=True)
class World:
    """The shop: its calendar, its items and its users."""

    options: Options
    calendar: Calendar
    items: Items
    users: Users


def user_id(number: int) -> str:
    """The id of user number `number`."""
    return f"u-{number:07d}"


def make_world(options: Options) -> World:
    """Everything that exists before the first visit."""
    calendar = options.calendar
    items = _make_items(stream(options.seed, STREAM_WORLD, 0))
    users = _make_users(stream(options.seed, STREAM_WORLD, 1), options.users, calendar.days)
    return World(options, calendar, items, users)


def _make_items(rng: np.random.Generator) -> Items:
    names = list(CATEGORIES)
    category = rng.integers(len(names), size=ITEMS)
    city = rng.integers(len(CITIES), size=ITEMS)
    shown = 1.0 / (np.arange(ITEMS) + 5.0)
    shown /= shown.sum()
    appeal = np.array(list(CATEGORIES.values()))[category]
    appeal /= (appeal * shown).sum()
    places = zip(city.tolist(), category.tolist(), strict=True)
    return Items(
        slug=[f"{CITIES[c]}-{names[k]}-{number:04d}" for number, (c, k) in enumerate(places)],
        category=[names[k] for k in category.tolist()],
        city=[CITIES[c].capitalize() for c in city.tolist()],
        appeal=appeal,
        shown_up_to=np.cumsum(shown),
    )


def _make_users(rng: np.random.Generator, count: int, days: int) -> Users:
    # Lognormal with mean 1: a few users come many times a day, most less than every other day.
    sigma = 0.8
    activity = SESSIONS_PER_USER_DAY * np.exp(sigma * rng.standard_normal(count) - sigma**2 / 2)
    # Bounded, so that a list of six impressions never has more than one expected click.
    propensity = 0.2 + 1.6 * rng.beta(1.3, 1.3, count)
    country = _pick(rng, [country.share for country in COUNTRIES], count)
    device = _pick(rng, [share for _, share in DEVICES], count)
    joins = rng.random(count) < JOIN_LATER_SHARE
    joined = np.where(joins, rng.integers(days, size=count), -1)
    return Users(
        activity=np.minimum(activity, MAX_SESSIONS_PER_USER_DAY),
        propensity=propensity,
        country=country.astype(np.int8),
        device=device.astype(np.int8),
        joined_day=joined.astype(np.int32),
        opted_out=rng.random(count) < OPTED_OUT_SHARE,
        consent=rng.random(count) < CONSENT_SHARE,
    )


def _pick(rng: np.random.Generator, weights: list[float], count: int) -> Ints:
    """`count` indices with probabilities proportional to `weights`."""
    return pick_from(np.cumsum(weights) / sum(weights), rng.random(count))


def pick_from(up_to: Floats, uniform: Floats) -> Ints:
    """Indices from uniform numbers and cumulative shares."""
    found = np.searchsorted(up_to, uniform, side="right")
    # The last cumulative share may be a rounding error below 1.
    return np.minimum(found, len(up_to) - 1).astype(np.int64)
