"""The shop's catalogue: brand, category and price of each item, and its later versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alerts.simulate.world import CATEGORIES, ITEMS, STREAM_CATALOG, Floats, Ints, pick_from, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.simulate.options import Options
    from alerts.simulate.world import World

BRANDS = (
    *("alder", "birch", "cedar", "dune", "ember", "fjord", "grove", "harbor"),
    *("inlet", "juniper", "kestrel", "lagoon", "meadow", "nimbus", "orchid", "pebble"),
    *("quartz", "ridge", "summit", "tundra", "umber", "valley", "willow", "zephyr"),
)
NO_BRAND = len(BRANDS)
NO_BRAND_SHARE = 0.01

# Later versions: so many days before the end, this many items each, some in another category.
CHANGE_DAYS = (17, 10, 3)
CHANGED_ITEMS = 15
RECATEGORIZED_ITEMS = 2


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the catalogue says of each item, by item number.

    Attributes:
        brand: Index into `BRANDS`, or `NO_BRAND`.
        category: Category name.
        price: List price.
        available: Whether it can be bought.
    """

    brand: Ints
    category: list[str]
    price: Floats
    available: list[bool]


class Change(NamedTuple):
    """New versions of some items, written at `hour` of day number `day`."""

    day: int
    items: list[int]
    catalog: Catalog


# The hour of the night at which the catalogue is maintained.
CHANGE_HOUR = 3


def item_id(number: int) -> str:
    """The id of item number `number`."""
    return f"i-{number:04d}"


def make_catalog(world: World) -> Catalog:
    """The catalogue as it is on the first day."""
    rng = stream(world.options.seed, STREAM_CATALOG, 0)
    weights = 1.0 / (np.arange(len(BRANDS)) + 4.0)
    brand = pick_from(np.cumsum(weights) / weights.sum(), rng.random(ITEMS))
    return Catalog(
        brand=np.where(rng.random(ITEMS) < NO_BRAND_SHARE, NO_BRAND, brand),
        category=list(world.items.category),
        price=np.round(25.0 * np.exp(0.6 * rng.standard_normal(ITEMS)), 2),
        available=(rng.random(ITEMS) >= 0.02).tolist(),
    )


def changes(options: Options, catalog: Catalog) -> Iterator[Change]:
    """Later versions in order of time; only the first few days of a short range have none."""
    names = list(CATEGORIES)
    for index, before_end in enumerate(CHANGE_DAYS):
        day = options.days - before_end
        if day < 1:
            continue
        rng = stream(options.seed, STREAM_CATALOG, 1 + index)
        items = np.sort(rng.choice(ITEMS, CHANGED_ITEMS, replace=False))
        category, available = list(catalog.category), list(catalog.available)
        price = catalog.price.copy()
        price[items] = np.round(price[items] * rng.uniform(0.8, 1.2, len(items)), 2)
        for item in items.tolist():
            available[item] = not available[item]
        for item in items[:RECATEGORIZED_ITEMS].tolist():
            category[item] = names[(names.index(category[item]) + 1) % len(names)]
        catalog = Catalog(catalog.brand, category, price, available)
        yield Change(day, items.tolist(), catalog)
