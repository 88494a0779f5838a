"""A chart of one line."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from alerts.detectors.sentences import number

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
MOST = 28


def spark(values: Sequence[float | None]) -> str:
    """The newest values as blocks from the lowest to the highest, `·` where there is none.

    Values that are all alike stand in the middle.
    """
    newest = values[-MOST:]
    known = _known(newest)
    if not known:
        return GAP * len(newest)
    low, high = min(known), max(known)
    return "".join(_block(value, low, high) for value in newest)


def chart(values: Sequence[float | None], unit: str, operator: str, threshold: float) -> str:
    """The blocks, from what to what they reach, and the threshold; empty without any value."""
    known = _known(values[-MOST:])
    if not known:
        return ""
    low, high = (number(one, unit, 3) for one in (min(known), max(known)))
    reach = low if low == high else f"{low} to {high}"
    return f"{spark(values)} {reach}, threshold {operator} {number(threshold, unit)}"


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _block(value: float | None, low: float, high: float) -> str:
    if value is None or not math.isfinite(value):
        return GAP
    if low == high:
        return BLOCKS[len(BLOCKS) // 2 - 1]
    # Not in floats, whose difference may be infinite, or nothing.
    place = (Fraction(value) - Fraction(low)) / (Fraction(high) - Fraction(low))
    return BLOCKS[min(int(place * len(BLOCKS)), len(BLOCKS) - 1)]
