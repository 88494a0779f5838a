"""`decision_traces`: one row per response of the recommender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alerts.simulate.assignments import names_of
from alerts.simulate.catalog import BRANDS, NO_BRAND, Catalog, item_id
from alerts.simulate.requests import NAMESPACE, Requests
from alerts.simulate.responses import REASONS, SECOND_REASON, SOURCES, K, Responses
from alerts.simulate.world import CATEGORIES, DEVICES, ITEMS, SURFACES, Bools, World, user_id
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = Table(
    "decision_traces",
    {
        "trace_id": "text",
        "namespace": "text",
        "surface": "text",
        "user_id": "text",
        "created_at": "time",
        "payload": "json",
    },
)

# Rows made at a time: each holds ten items, which weigh as much as a row of another table.
ROWS_PER_SLICE = 2_000
SEGMENTS = 5
BLEND = {"alpha": 0.5, "beta": 0.3, "gamma": 0.2}


def trace_id(number: int) -> str:
    """The id of response number `number`."""
    return f"t-{number:09d}"


def columns(world: World, catalog: Catalog, requests: Requests, responses: Responses) -> Columns:
    """The rows of these responses."""
    users = requests.user.tolist()
    count = len(users)
    return {
        "trace_id": [trace_id(number) for number in requests.number.tolist()],
        "namespace": [NAMESPACE] * count,
        "surface": [SURFACES[index].name for index in requests.surface.tolist()],
        "user_id": [user_id(number) for number in users],
        "created_at": requests.created_ms.tolist(),
        "payload": _payloads(world, catalog, requests, responses),
    }


def _payloads(
    world: World, catalog: Catalog, requests: Requests, responses: Responses
) -> list[dict[str, Any]]:
    kept = ~responses.is_empty
    rows = zip(
        requests.user.tolist(),
        world.users.device[requests.user].tolist(),
        requests.is_new.tolist(),
        responses.latency_ms.tolist(),
        _item_lists(catalog, responses),
        responses.candidates.tolist(),
        _extras(requests, responses, kept),
        strict=True,
    )
    return [
        {
            "k": K,
            "segment_id": f"s{user % SEGMENTS + 1}",
            "device": DEVICES[device][0],
            "user_type": "new" if is_new else "returning",
            "latency_ms": latency,
            "items": items,
            "candidate_sources": {
                source: {"count": count} for source, count in zip(SOURCES, candidates, strict=True)
            },
            "extras": extras,
        }
        for user, device, is_new, latency, items, candidates, extras in rows
    ]


def _extras(requests: Requests, responses: Responses, kept: Bools) -> list[dict[str, Any]]:
    rows = zip(
        _experiments(requests),
        (responses.personalized.sum(axis=1) * kept).tolist(),
        ((responses.reasons > 0).sum(axis=1) * kept).tolist(),
        responses.cold_start.tolist(),
        strict=True,
    )
    return [
        {
            **experiment,
            "personalized_items_count": personalized,
            "reason_items_count": reasons,
            "cold_start_impression": cold_start,
            "blend": BLEND,
        }
        for experiment, personalized, reasons, cold_start in rows
    ]


def _experiments(requests: Requests) -> list[dict[str, str | None]]:
    """What each response says of the experiment it is a part of; nothing where there is none."""
    named = names_of(requests.experiment, requests.arm)
    return [
        {"experiment_key": key, "experiment_variant": variation} if key else {}
        for key, variation in zip(*named, strict=True)
    ]


def _item_lists(catalog: Catalog, responses: Responses) -> list[list[dict[str, Any]]]:
    """The items of each response; none where the list is empty."""
    items = list(_items(catalog, responses))
    return [
        [] if is_empty else items[place * K : place * K + K]
        for place, is_empty in enumerate(responses.is_empty.tolist())
    ]


def _items(catalog: Catalog, responses: Responses) -> Iterator[dict[str, Any]]:
    """The items of all lists, one list after the other."""
    item = responses.item.ravel()
    ids, brands = _names()
    names = [*CATEGORIES, None]
    category = np.array([names.index(name) for name in catalog.category])
    brand = np.where(responses.no_brand.ravel(), NO_BRAND, catalog.brand[item])
    kind = np.where(responses.no_category.ravel(), len(CATEGORIES), category[item])
    reasons = _reasons()
    rows = zip(
        item.tolist(),
        list(range(1, K + 1)) * len(responses.item),
        responses.score.ravel().tolist(),
        brand.tolist(),
        kind.tolist(),
        responses.source.ravel().tolist(),
        responses.personalized.ravel().tolist(),
        responses.available.ravel().tolist(),
        responses.reasons.ravel().tolist(),
        responses.propensity.ravel().tolist(),
        strict=True,
    )
    for i, rank, score, b, c, source, personalized, available, told, propensity in rows:
        yield {
            "item_id": ids[i],
            "rank": rank,
            "score": score,
            "brand": brands[b],
            "category": names[c],
            "source": SOURCES[source],
            "personalized": personalized,
            "available": available,
            "reasons": reasons[source][told],
            "propensity": propensity,
        }


def _names() -> tuple[list[str], list[str | None]]:
    """Ids by item number, and brands by index with none at the end."""
    return [item_id(number) for number in range(ITEMS)], [*BRANDS, None]


def _reasons() -> list[list[list[str]]]:
    """The reasons an item carries, by its source and their number."""
    return [[[], [reason], [reason, SECOND_REASON]] for reason in REASONS]
