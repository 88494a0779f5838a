"""What the recommender answers: lists of items that are partly personal, with their reasons.

A list is the personal items of its user, as many as its personalized share says, and popular ones
for the rest. Both are drawn without repetition from two sets of items that have none in common.
All arrays; lists are rows of `K` columns, in order of rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alerts.simulate.visits import Arrays
from alerts.simulate.world import (
    CATEGORIES,
    ITEMS,
    STREAM_TASTE,
    Bools,
    Floats,
    Ints,
    World,
    stream,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.simulate.requests import Requests
    from alerts.simulate.trace_incidents import Rates

K = 10
EMPTY_SHARE = 0.004

# The most popular items fill what is not personal; a few of them are in most lists.
POPULAR = 12
POPULAR_WEIGHTS = np.array([(place + 0.3) ** -1.6 for place in range(POPULAR)])
# Items a user is recommended, the first ones more often. The n-th is one of every
# `PERSONAL`-th item: no item twice, whatever is drawn.
PERSONAL = 24
PERSONAL_WEIGHTS = np.array([1.0 / (place + 3.0) for place in range(PERSONAL)])
FAVOURITES = 2

# Lists differ in their share, but not much: a bucket of fifteen lists still says what holds.
SHARE_SPREAD = 0.05
SOURCES = ("collaborative", "content", "popularity")
COLLABORATIVE, CONTENT, POPULARITY = range(3)
COLLABORATIVE_SHARE = 0.6
# The reason of each source, and one that comes second.
REASONS = ("people_like_you", "because_you_viewed", "popular_now")
SECOND_REASON = "new_in_stock"
SECOND_REASON_SHARE = 0.12
NO_BRAND_SHARE = 0.01
NO_CATEGORY_SHARE = 0.006

MEAN_CANDIDATES = (120, 80, 50)
# A slow response takes `SLOW_FACTOR` times as long as it else would.
LATENCY_MEDIAN_MS = 41.0
LATENCY_SIGMA = 0.4
SLOW_FACTOR = 6.0


@dataclass(frozen=True, slots=True)
class Responses(Arrays):
    """Responses, one per request, in the same order; lists are rows of `K` columns.

    Attributes:
        is_empty: Whether the list is empty; its columns then mean nothing.
        cold_start: Whether the user was treated as unknown.
        latency_ms: Milliseconds it took.
        candidates: Candidates by source, in the order of `SOURCES`.
        item: Item number.
        personalized: Whether the item is personal.
        source: Index into `SOURCES`.
        available: Whether it can be bought.
        reasons: How many reasons it carries, 0 to 2.
        no_brand: Whether the brand was not logged.
        no_category: Whether the category was not logged.
        score: Score, falling with the rank.
        propensity: Probability of being shown there.
    """

    is_empty: Bools
    cold_start: Bools
    latency_ms: Floats
    candidates: Ints
    item: Ints
    personalized: Bools
    source: Ints
    available: Bools
    reasons: Ints
    no_brand: Bools
    no_category: Bools
    score: Floats
    propensity: Floats


def draw_responses(
    world: World, rng: np.random.Generator, users: range, requests: Requests, rates: Rates
) -> Responses:
    """The answers to requests of these users, at the given rates."""
    count = len(requests.user)
    shape = (count, K)
    personal = _personal_counts(world, rng, requests, rates)
    item, personalized = _lists(world, rng, users, requests, personal)
    # A generator of its own: what only an incident draws must not shift what follows.
    same = _same_lists(rng.spawn(1)[0], rates.same_list)
    item = np.where(rates.same_list[:, None] > 0, same, item)
    candidates = rng.poisson(MEAN_CANDIDATES, (count, len(SOURCES)))
    candidates[rng.random(count) < rates.no_collaborative, COLLABORATIVE] = 0
    collaborative = rng.random(shape) < COLLABORATIVE_SHARE
    collaborative &= candidates[:, [COLLABORATIVE]] > 0
    reasons = (rng.random(shape) < rates.reasons[:, None]).astype(np.int64)
    reasons += (reasons > 0) & (rng.random(shape) < SECOND_REASON_SHARE)
    cold_rate = np.where(np.isnan(rates.cold_start), requests.cold_start_rate(), rates.cold_start)
    latency = LATENCY_MEDIAN_MS * np.exp(LATENCY_SIGMA * rng.standard_normal(count))
    latency *= np.where(rng.random(count) < rates.slow, SLOW_FACTOR, 1.0)
    shown = rng.random(shape)
    return Responses(
        is_empty=rng.random(count) < EMPTY_SHARE,
        cold_start=rng.random(count) < cold_rate,
        latency_ms=np.round(latency, 1),
        candidates=candidates,
        item=item,
        personalized=personalized,
        source=np.where(personalized, np.where(collaborative, COLLABORATIVE, CONTENT), POPULARITY),
        available=rng.random(shape) >= rates.unavailable[:, None],
        reasons=reasons,
        no_brand=rng.random(shape) < NO_BRAND_SHARE,
        no_category=rng.random(shape) < NO_CATEGORY_SHARE,
        score=np.round(-np.sort(-rng.beta(4.0, 2.0, shape), axis=1), 3),
        propensity=np.round((0.5 + shown) * 0.12 / np.sqrt(np.arange(K) + 1.0), 4),
    )


def _personal_counts(
    world: World, rng: np.random.Generator, requests: Requests, rates: Rates
) -> Ints:
    """How many of the `K` items of each list are personal: none for who has opted out."""
    spread = SHARE_SPREAD * rng.standard_normal(len(requests.user))
    # A quota rather than a coin per item: what is left of a whole item is drawn.
    quota = K * np.clip(rates.share + spread, 0.0, 1.0) + rng.random(len(requests.user))
    return np.where(world.users.opted_out[requests.user], 0, np.minimum(quota, K).astype(np.int64))


def _lists(
    world: World, rng: np.random.Generator, users: range, requests: Requests, personal: Ints
) -> tuple[Ints, Bools]:
    """The items of each list in order of rank, and which of them are personal."""
    count = len(personal)
    tastes = personal_items(world, users)
    slots = _without_repetition(rng, PERSONAL_WEIGHTS, count)
    own = np.take_along_axis(tastes[requests.user - users.start], slots, axis=1)
    popular = _without_repetition(rng, POPULAR_WEIGHTS, count)
    places = np.arange(K)
    is_personal = places < personal[:, None]
    rest = np.take_along_axis(popular, np.maximum(places - personal[:, None], 0), axis=1)
    item = np.where(is_personal, own, rest)
    rank = np.argsort(rng.random((count, K)), axis=1)
    return np.take_along_axis(item, rank, axis=1), np.take_along_axis(is_personal, rank, axis=1)


def _same_lists(rng: np.random.Generator, sizes: Ints) -> Ints:
    """Lists of which each row holds `K` of the first `sizes` personal items, mixed."""
    found = np.zeros((len(sizes), K), dtype=np.int64)
    for size in np.unique(sizes[sizes > 0]).tolist():
        here = sizes == size
        mixed = np.argsort(rng.random((int(here.sum()), size)), axis=1)
        found[here] = POPULAR + mixed[:, :K]
    return found


def _without_repetition(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    """For each of `count` rows `K` different places, drawn one after the other by weight."""
    # The smallest of independent exponential times come first, each with its rate as weight.
    times = rng.standard_exponential((count, len(weights)), dtype=np.float32)
    return np.argsort(times / weights.astype(np.float32), axis=1)[:, :K]


def personal_items(world: World, users: range) -> NDArray[np.int64]:
    """The items recommended to each of these users, `PERSONAL` to a row.

    They depend on the user alone. Most are of one of the user's favourite categories, and
    items with low numbers come more often.
    """
    rng = stream(world.options.seed, STREAM_TASTE, users.start)
    names = list(CATEGORIES)
    category = np.array([names.index(name) for name in world.items.category])
    favourites = rng.integers(len(names), size=(len(users), 1, FAVOURITES))
    per_slot = (ITEMS - POPULAR) // PERSONAL
    shape = (len(users), PERSONAL)
    found = _any_item(rng, shape, per_slot)
    for _ in range(2):
        is_favourite = (category[found][:, :, None] == favourites).any(axis=2)
        found = np.where(is_favourite, found, _any_item(rng, shape, per_slot))
    return found


def _any_item(rng: np.random.Generator, shape: tuple[int, int], per_slot: int) -> Ints:
    """An item for each slot, out of the items that are the slot's own."""
    step = (per_slot * rng.random(shape) ** 3).astype(np.int64)
    return POPULAR + step * PERSONAL + np.arange(shape[1])
