"""`user_interactions`: what users do after a click, some of it days later."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alerts.simulate.options import DAY_MS
from alerts.simulate.tables.personalization_metrics import impression_id, recommendation_id
from alerts.simulate.visits import Arrays, Impressions, Shop
from alerts.simulate.world import COUNTRIES, DEVICES, Ints, World, user_id
from alerts.simulate.writers import ROWS_PER_SLICE, Columns, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.simulate.options import Calendar

TABLE = Table(
    "user_interactions",
    {
        "id": "text",
        "user_id": "text",
        "interaction_type": "text",
        "recommendation_id": "text",
        "destination_slug": "text",
        "metadata": "json",
        "created_at": "time",
    },
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of interaction: how many clicks lead to it, and after how long.

    Attributes:
        name: Interaction type.
        share: Share of clicks.
        median_s: Median delay in seconds.
        sigma: Spread of the delay's logarithm.
    """

    name: str
    share: float
    median_s: float
    sigma: float


# A few saves come more than seven days after the click: outside the funnel's window.
KINDS = (
    Kind("view", share=0.40, median_s=2.0, sigma=0.5),
    Kind("save", share=0.16, median_s=1_500.0, sigma=2.3),
    Kind("share", share=0.05, median_s=300.0, sigma=1.0),
)
# Whoever comes back to an item by himself saves it without a recommendation.
WITHOUT_RECOMMENDATION_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Interactions(Arrays):
    """Interactions to come.

    Attributes:
        kind: Index into `KINDS`.
        impression: Number of the clicked impression.
        user: User number.
        item: Item number.
        recommended: Whether the recommendation is known.
        created_ms: Milliseconds since 1970 UTC.
    """

    kind: Ints
    impression: Ints
    user: Ints
    item: Ints
    recommended: np.ndarray[tuple[int], np.dtype[np.bool_]]
    created_ms: Ints


def draw(rng: np.random.Generator, drawn: Impressions) -> Interactions:
    """What follows from the clicks among these impressions."""
    clicks = np.flatnonzero(drawn.clicked)
    rows, kinds, delays = [], [], []
    for index, kind in enumerate(KINDS):
        taken = clicks[rng.random(len(clicks)) < kind.share]
        delay = kind.median_s * np.exp(kind.sigma * rng.standard_normal(len(taken)))
        rows.append(taken)
        kinds.append(np.full(len(taken), index))
        delays.append((1_000 * delay).astype(np.int64))
    row = np.concatenate(rows)
    return Interactions(
        kind=np.concatenate(kinds),
        impression=drawn.number[row],
        user=drawn.user[row],
        item=drawn.item[row],
        recommended=rng.random(len(row)) >= WITHOUT_RECOMMENDATION_SHARE,
        created_ms=drawn.created_ms[row] + np.concatenate(delays),
    )


class Schedule:
    """Holds interactions until their day comes, so that files are in order of time."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._days: dict[int, list[Interactions]] = defaultdict(list)

    def add(self, shop: Shop, coming: Interactions) -> None:
        """Remember what will be collected; what falls on a missing day or after the end is lost."""
        coming = coming.take(coming.created_ms < self._calendar.end_ms)
        day = (coming.created_ms - self._calendar.start_ms) // DAY_MS
        for number in np.unique(day[~shop.effects.missing[day]]).tolist():
            self._days[number].append(coming.take(day == number))

    def due(self, world: World, day: int) -> Iterator[Columns]:
        """The rows of day number `day`, in order of time, in slices."""
        batches = self._days.pop(day, [])
        if not batches:
            return
        together = Interactions(
            kind=np.concatenate([batch.kind for batch in batches]),
            impression=np.concatenate([batch.impression for batch in batches]),
            user=np.concatenate([batch.user for batch in batches]),
            item=np.concatenate([batch.item for batch in batches]),
            recommended=np.concatenate([batch.recommended for batch in batches]),
            created_ms=np.concatenate([batch.created_ms for batch in batches]),
        )
        order = np.argsort(together.created_ms, kind="stable")
        for first in range(0, len(order), ROWS_PER_SLICE):
            yield _columns(world, together.take(order[first : first + ROWS_PER_SLICE]))


def _columns(world: World, rows: Interactions) -> Columns:
    numbers = rows.impression.tolist()
    kinds = [KINDS[index].name for index in rows.kind.tolist()]
    country = world.users.country[rows.user].tolist()
    device = world.users.device[rows.user].tolist()
    return {
        "id": [
            f"{kind}-{impression_id(number)}" for kind, number in zip(kinds, numbers, strict=True)
        ],
        "user_id": [user_id(number) for number in rows.user.tolist()],
        "interaction_type": kinds,
        "recommendation_id": [
            recommendation_id(number) if known else None
            for number, known in zip(numbers, rows.recommended.tolist(), strict=True)
        ],
        "destination_slug": [world.items.slug[item] for item in rows.item.tolist()],
        "metadata": [
            {"country": COUNTRIES[c].code, "device": DEVICES[d][0]}
            for c, d in zip(country, device, strict=True)
        ],
        "created_at": rows.created_ms.tolist(),
    }
