"""`personalization_metrics`: one row per impression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.simulate.assignments import names_of
from alerts.simulate.world import COUNTRIES, DEVICES, SURFACES, World, user_id
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from alerts.simulate.visits import Impressions

TABLE = Table(
    "personalization_metrics",
    {
        "id": "text",
        "user_id": "text",
        "surface": "text",
        "experiment_key": "text",
        "variation": "text",
        "click_through": "bool",
        "dwell_time_ms": "number",
        "recommendation_id": "text",
        "destination_slug": "text",
        "metadata": "json",
        "created_at": "time",
    },
)


def impression_id(number: int) -> str:
    """The id of impression number `number`."""
    return f"imp-{number:09d}"


def recommendation_id(number: int) -> str:
    """The id of the recommendation shown in impression number `number`."""
    return f"rec-{number:09d}"


def session_id(number: int) -> str:
    """The id of visit number `number`."""
    return f"s-{number:09d}"


def columns(world: World, drawn: Impressions) -> Columns:
    """The rows of these impressions."""
    numbers, items = drawn.number.tolist(), drawn.item.tolist()
    named = names_of(drawn.experiment, drawn.arm)
    return {
        "id": [impression_id(number) for number in numbers],
        "user_id": [user_id(number) for number in drawn.user.tolist()],
        "surface": [SURFACES[index].name for index in drawn.surface.tolist()],
        "experiment_key": named.keys,
        "variation": named.variations,
        "click_through": drawn.clicked.tolist(),
        "dwell_time_ms": [
            None if absent else int(dwell)
            for dwell, absent in zip(
                drawn.dwell_ms.tolist(), np.isnan(drawn.dwell_ms).tolist(), strict=True
            )
        ],
        "recommendation_id": [recommendation_id(number) for number in numbers],
        "destination_slug": [world.items.slug[item] for item in items],
        "metadata": _metadata(world, drawn),
        "created_at": drawn.created_ms.tolist(),
    }


def _metadata(world: World, drawn: Impressions) -> list[dict[str, str | float | None]]:
    country = world.users.country[drawn.user].tolist()
    device = world.users.device[drawn.user].tolist()
    score = np.where(np.isnan(drawn.score), -1.0, drawn.score).tolist()
    rows = zip(drawn.visit.tolist(), country, device, drawn.item.tolist(), score, strict=True)
    items = world.items
    return [
        {
            "session_id": session_id(v),
            "country": COUNTRIES[c].code,
            "city": items.city[i],
            "device": DEVICES[d][0],
            "category": items.category[i],
            "personalization_score": s if s >= 0 else None,
        }
        for v, c, d, i, s in rows
    ]
