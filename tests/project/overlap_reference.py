"""Overlap, entropy and streaks of responses in plain Python, pair by pair."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Response = dict[str, Any]  # trace_id, user_id, created_at, day, payload


def last_lists(responses: Iterable[Response]) -> dict[str, tuple[frozenset[str], Response]]:
    """By user, the distinct items that the last response shows; users without any are left out."""
    last: dict[str, Response] = {}
    for response in sorted(responses, key=lambda r: (r["created_at"], r["trace_id"].encode())):
        last[response["user_id"]] = response
    lists = {}
    for user, response in last.items():
        k = response["payload"].get("k")
        shown = frozenset(
            item["item_id"]
            for place, item in enumerate(response["payload"]["items"], 1)
            if item.get("item_id") and (k is None or (item.get("rank") or place) <= k)
        )
        if shown:
            lists[user] = shown, response
    return lists


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def all_pairs(lists: dict[str, frozenset[str]]) -> list[float]:
    return [jaccard(a, b) for a, b in itertools.combinations(lists.values(), 2)]


def drawn_pairs(lists: dict[str, frozenset[str]], day: str, per_user: int) -> list[float]:
    """Each user with the next ones in the line that the day gives."""
    line = sorted(lists, key=lambda user: (hashlib.md5(f"{user}{day}".encode()).hexdigest(), user))
    return [
        jaccard(lists[user], lists[line[(place + step) % len(line)]])
        for place, user in enumerate(line)
        for step in range(1, per_user + 1)
    ]


def standard_error(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Linearly interpolated between the order statistics around share * (n - 1)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (place - math.floor(place)) * (above - below)


def entropy_bits(labels: Iterable[str]) -> float:
    counts = Counter(labels)
    total = counts.total()
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def streaks(counts: Iterable[float]) -> tuple[int, int]:
    """The longest run of zeros, and the one at the end."""
    longest = current = 0
    for count in counts:
        current = current + 1 if count == 0 else 0
        longest = max(longest, current)
    return longest, current
