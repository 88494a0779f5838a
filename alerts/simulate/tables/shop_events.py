"""`shop_events`: which items of the lists came into view, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.simulate.assignments import names_of
from alerts.simulate.catalog import Catalog, item_id
from alerts.simulate.requests import NAMESPACE, Requests
from alerts.simulate.responses import K, Responses
from alerts.simulate.tables.decision_traces import trace_id
from alerts.simulate.visits import Arrays
from alerts.simulate.world import SURFACES, Bools, Floats, Ints, World, user_id
from alerts.simulate.writers import Columns, Table

TABLE = Table(
    "shop_events",
    {
        "event_id": "text",
        "event_name": "text",
        "namespace": "text",
        "surface": "text",
        "user_id": "text",
        "session_id": "text",
        "item_id": "text",
        "trace_id": "text",
        "variant": "text",
        "quantity": "number",
        "revenue": "number",
        "currency": "text",
        "created_at": "time",
    },
)

NAMES = ("impression", "click", "add_to_cart", "purchase")
IMPRESSION, CLICK, ADD, PURCHASE = range(4)
CURRENCY = "EUR"

# How often the item at each rank comes into view: two of ten.
SEEN_BY_RANK = np.array([0.58, 0.42, 0.29, 0.21, 0.15, 0.11, 0.09, 0.07, 0.05, 0.03])
CLICK_SHARE = 0.09
ADD_SHARE = 0.26
PURCHASE_SHARE = 0.38
# A purchase is made at the checkout, which does not always know where the item was found.
NO_SURFACE_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class Events(Arrays):
    """Events, each about one item of one response.

    Attributes:
        name: Index into `NAMES`.
        row: Place of the response among those that were drawn.
        item: Item number.
        quantity: Units; 0 where nothing is counted.
        created_ms: Milliseconds since 1970 UTC.
        no_surface: Whether the surface was not logged.
    """

    name: Ints
    row: Ints
    item: Ints
    quantity: Ints
    created_ms: Ints
    no_surface: Bools


def draw(
    world: World,
    rng: np.random.Generator,
    requests: Requests,
    responses: Responses,
    click_factor: Floats,
) -> Events:
    """What follows from these responses before the data ends, in order of time.

    Args:
        world: The shop.
        rng: Source of all that is drawn.
        requests: What was asked for.
        responses: What was answered.
        click_factor: Factor on the click probability of each request's items.
    """
    seen = (rng.random((len(requests.user), K)) < SEEN_BY_RANK) & ~responses.is_empty[:, None]
    row, rank = np.nonzero(seen)
    item = responses.item[row, rank]
    shown = requests.created_ms[row] + 400 + rank * 1_500
    shown += rng.integers(1_500, size=len(row))
    # As many numbers whatever happens, so that an incident shifts nothing that follows.
    falls = rng.random((3, len(row)))
    clicked = falls[0] < click_factor[row] * _click_probability(world, requests.user[row], item)
    added = clicked & (falls[1] < ADD_SHARE)
    bought = added & (falls[2] < PURCHASE_SHARE)
    click_ms = shown + 500 + rng.exponential(4_000, len(row)).astype(np.int64)
    add_ms = click_ms + 2_000 + rng.exponential(40_000, len(row)).astype(np.int64)
    buy_ms = add_ms + 20_000 + rng.exponential(900_000, len(row)).astype(np.int64)
    quantity = 1 + rng.binomial(3, 0.12, len(row))
    unknown = rng.random(len(row)) < NO_SURFACE_SHARE
    places = (np.arange(len(row)), *map(np.flatnonzero, (clicked, added, bought)))
    times = (shown, click_ms, add_ms, buy_ms)
    name = np.repeat(np.arange(len(NAMES)), [len(place) for place in places])
    place = np.concatenate(places)
    drawn = Events(
        name=name,
        row=row[place],
        item=item[place],
        quantity=np.where(name >= ADD, quantity[place], 0),
        created_ms=np.concatenate([at[one] for at, one in zip(times, places, strict=True)]),
        no_surface=(name == PURCHASE) & unknown[place],
    )
    order = np.argsort(drawn.created_ms, kind="stable")
    return drawn.take(order[drawn.created_ms[order] < world.calendar.end_ms])


def _click_probability(world: World, user: Ints, item: Ints) -> Floats:
    chance: Floats = CLICK_SHARE * world.users.propensity[user] * world.items.appeal[item]
    return chance


def columns(catalog: Catalog, requests: Requests, events: Events, first: int) -> Columns:
    """The rows of these events, numbered on from `first`."""
    count = len(events.name)
    bought = (events.name == PURCHASE).tolist()
    surface = requests.surface[events.row].tolist()
    named = names_of(requests.experiment[events.row], requests.arm[events.row])
    revenue = np.round(catalog.price[events.item] * events.quantity, 2).tolist()
    return {
        "event_id": [f"e-{number:09d}" for number in range(first, first + count)],
        "event_name": [NAMES[name] for name in events.name.tolist()],
        "namespace": [NAMESPACE] * count,
        "surface": [
            None if unknown else SURFACES[index].name
            for index, unknown in zip(surface, events.no_surface.tolist(), strict=True)
        ],
        "user_id": [user_id(number) for number in requests.user[events.row].tolist()],
        "session_id": [f"w-{number:09d}" for number in requests.visit[events.row].tolist()],
        "item_id": [item_id(number) for number in events.item.tolist()],
        "trace_id": [trace_id(number) for number in requests.number[events.row].tolist()],
        "variant": named.variations,
        "quantity": [units or None for units in events.quantity.tolist()],
        "revenue": [
            money if is_sale else None for money, is_sale in zip(revenue, bought, strict=True)
        ],
        "currency": [CURRENCY if is_sale else None for is_sale in bought],
        "created_at": events.created_ms.tolist(),
    }
