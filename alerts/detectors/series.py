"""What detectors take and give: series of summed buckets, and a verdict for each bucket."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

# `no_data`: no row. `invalid`: a row without a value. `too_few`: too little to judge by, or to
# compare with, or to be sure.
Outcome = Literal["ok", "breach", "no_data", "invalid", "too_few"]
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


class Single(NamedTuple):
    """One figure of one bucket, read as it stands: a mean over pairs, an entropy, a percentile.

    `basis` is the count it rests on and `error` its standard error, where they are known.
    """

    figure: float
    basis: float | None = None
    error: float | None = None
    guard: float | None = None

    @property
    def value(self) -> float | None:
        """The metric; None where the mart has none."""
        return finite(self.figure)

    @property
    def numerator(self) -> None:
        """Nothing was summed."""
        return

    @property
    def denominator(self) -> float | None:
        """The count that the figure rests on."""
        return self.basis


class Zeros(NamedTuple):
    """The requests of one day in order of time, as far as runs of a count of 0 need them.

    `longest` is the longest such run within the day, `trailing` the one that the day ends with.
    """

    longest: float
    trailing: float
    zeros: float
    requests: float
    guard: float | None = None

    @property
    def value(self) -> float | None:
        """The longest run within the day; None where the mart has none."""
        return finite(self.longest)

    @property
    def numerator(self) -> float:
        """How many requests had a count of 0."""
        return self.zeros

    @property
    def denominator(self) -> float:
        """How many requests there were."""
        return self.requests


class Examined(ABC):
    """One bucket on which a statistical test was done, and what there is to say of it."""

    __slots__ = ()
    guard: float | None = None

    @property
    def value(self) -> float | None:
        """The level that was tested; None where the test is of no level."""
        return None

    @property
    def numerator(self) -> None:
        """Nothing was divided."""
        return

    @property
    @abstractmethod
    def denominator(self) -> float | None:
        """How much the test rests on."""

    @abstractmethod
    def sentence(self, verdict: Verdict, limit: Limit) -> str:
        """The verdict in words; the reason where there is none."""


Bucket = Point | Single | Zeros | Examined


@dataclass(frozen=True)
class Series:
    """One label set over consecutive complete buckets, oldest first, without a gap.

    `points` runs beside `buckets`; None stands where the mart has no row.
    """

    labels: Labels
    buckets: Sequence[date]
    points: Sequence[Bucket | None]

    @cached_property
    def values(self) -> Sequence[float | None]:
        """The value of each point; None where there is none."""
        return [None if point is None else point.value for point in self.points]


class Spread(NamedTuple):
    """What a value was held against that is judged by standard deviations.

    `days` of the baseline with a value, or of its own weekday where weekdays are compared.
    """

    sd: float
    floored: bool
    by_weekday: bool
    days: int


class Interval(NamedTuple):
    """Between which values a share lies, and how much more than by chance it scatters."""

    low: float
    high: float
    design_effect: float


class Verdict(NamedTuple):
    """What one bucket means.

    `before` is the value it was compared with, where there is one. `most` is there where the
    value is not known exactly: it is at least `value` and at most this. `sure` says whether it is
    beyond what chance explains, where that was asked. `side` is 1 or -1 where breaches on either
    side are told apart. `scale` is what a share or a distance was measured by.
    """

    bucket: date
    outcome: Outcome
    value: float | None
    point: Bucket | None
    before: float | None = None
    most: float | None = None
    sure: bool | None = None
    side: int = 0
    scale: Spread | Interval | None = None


@dataclass(frozen=True)
class Limit:
    """When a value breaches, and how much a bucket must hold to be judged at all.

    With `two_sided` it is the value without its sign that breaches.
    """

    operator: str
    bound: float
    minimum: float | None = None
    two_sided: bool = False

    def breached(self, value: float) -> bool:
        """Whether the value lies on the wrong side."""
        return _COMPARE[self.operator](abs(value) if self.two_sided else value, self.bound)

    def enough(self, point: Bucket) -> bool:
        """Whether the bucket is large enough to be judged."""
        return self.minimum is None or point.guard is None or point.guard >= self.minimum

    def worse(self, one: float, other: float) -> float:
        """The value further on the wrong side."""
        if self.two_sided:
            return max(one, other, key=abs)
        return min(one, other) if self.operator.startswith("<") else max(one, other)

    def judge(self, value: float) -> Outcome:
        """`breach` or `ok`."""
        return "breach" if self.breached(value) else "ok"


def unjudged(bucket: date, point: Bucket | None) -> Verdict:
    """`no_data` without a row; `invalid` with one that has no value."""
    return Verdict(bucket, "no_data" if point is None else "invalid", None, point)


def finite(value: float) -> float | None:
    """The value as a float; None for NaN and infinities, which no verdict can rest on."""
    return float(value) if math.isfinite(value) else None
