"""What detectors take and give: series of summed buckets, and a verdict for each bucket."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

Outcome = Literal["ok", "breach", "no_data", "too_few"]
Labels = tuple[tuple[str, str], ...]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Point(NamedTuple):
    """The sums of one bucket: a ratio's two sides, and what `min_denominator` looks at.

    A metric that is a plain count has no denominator.
    """

    numerator: float
    denominator: float | None
    guard: float | None = None

    @property
    def value(self) -> float | None:
        """The metric; None where there is nothing to divide by."""
        if self.denominator is None:
            return finite(self.numerator)
        return finite(self.numerator / self.denominator) if self.denominator else None


@dataclass(frozen=True)
class Series:
    """One label set over consecutive complete buckets, oldest first, without a gap.

    `points` runs beside `buckets`; None stands where the mart has no row.
    """

    labels: Labels
    buckets: Sequence[date]
    points: Sequence[Point | None]


class Verdict(NamedTuple):
    """What one bucket means. `before` is the value it was compared with, where there is one."""

    bucket: date
    outcome: Outcome
    value: float | None
    point: Point | None
    before: float | None = None


@dataclass(frozen=True)
class Limit:
    """When a value breaches, and how much a bucket must hold to be judged at all."""

    operator: str
    bound: float
    minimum: float | None = None

    def breached(self, value: float) -> bool:
        """Whether the value lies on the wrong side."""
        return _COMPARE[self.operator](value, self.bound)

    def enough(self, point: Point) -> bool:
        """Whether the bucket is large enough to be judged."""
        return self.minimum is None or point.guard is None or point.guard >= self.minimum

    def worse(self, one: float, other: float) -> float:
        """The value further on the wrong side."""
        return min(one, other) if self.operator.startswith("<") else max(one, other)

    def judge(self, value: float) -> Outcome:
        """`breach` or `ok`."""
        return "breach" if self.breached(value) else "ok"


def finite(value: float) -> float | None:
    """The value as a float; None for NaN and infinities, which no verdict can rest on."""
    return float(value) if math.isfinite(value) else None
