"""`catalog_items`: one row per item, then its later versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.simulate.catalog import BRANDS, CHANGE_HOUR, Catalog, Change, item_id
from alerts.simulate.world import ITEMS
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.simulate.options import Calendar

TABLE = Table(
    "catalog_items",
    {
        "item_id": "text",
        "brand": "text",
        "category": "text",
        "price": "number",
        "is_available": "bool",
        "updated_at": "time",
    },
)


def columns(calendar: Calendar, catalog: Catalog) -> Columns:
    """Every item as it is when the first day begins."""
    return _rows(catalog, range(ITEMS), calendar.start_ms)


def changed(calendar: Calendar, change: Change) -> Columns:
    """The new versions of the items that changed."""
    written_ms = calendar.midnight_ms(change.day) + CHANGE_HOUR * 3_600_000
    return _rows(change.catalog, change.items, written_ms)


def _rows(catalog: Catalog, items: Iterable[int], written_ms: int) -> Columns:
    numbers = list(items)
    brands = [*BRANDS, None]
    brand, price = catalog.brand.tolist(), catalog.price.tolist()
    return {
        "item_id": [item_id(number) for number in numbers],
        "brand": [brands[brand[number]] for number in numbers],
        "category": [catalog.category[number] for number in numbers],
        "price": [price[number] for number in numbers],
        "is_available": [catalog.available[number] for number in numbers],
        "updated_at": [written_ms] * len(numbers),
    }
