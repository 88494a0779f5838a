"""How often a rule fires though nothing happens: false episodes, from a series' own noise.

A series that stays at its level is beyond a bound now and then by chance. How often follows from
the level, from what each bucket rests on and from how much more than by chance it scatters; and
how many episodes that makes, from how many breaches in a row it takes to fire. Buckets are taken
to be independent of each other. Where what they are compared with is the same for all of a run
(the frozen baseline of a drop or a z-score), it is averaged over what that may have been.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from scipy.special import betainc, chdtri, ndtr, ndtri  # type: ignore[import-untyped]

from alerts.detectors.evidence import FEWEST, design_effects
from alerts.detectors.series import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from alerts.detectors.series import Bucket, Limit

T = TypeVar("T")
# A probability, or one for each case that is averaged over.
Chance = Any
# A normal distribution's median distance from its mean, in standard deviations.
_QUARTILE = float(ndtri(0.75))
_FEW = 4
# Points at which what is not known is averaged over, each of the same probability.
_NODES = np.asarray([(n + 0.5) / 60 for n in range(60)])
_NORMAL = ndtri(_NODES)


@dataclass(frozen=True)
class Level:
    """Where a series lies and how it scatters, from its own buckets.

    Attributes:
        value: The median of its buckets.
        counts: What each bucket that can be judged rests on, None where one cannot; all are 1
            where the metric has no denominator.
        dispersion: Of a share, how many times its variance is that of independent events; of
            anything else, its variance in a bucket that rests on 1.
        is_share: Which of the two.
    """

    value: float
    counts: tuple[float | None, ...]
    dispersion: float
    is_share: bool

    @property
    def typical(self) -> float:
        """The median of the counts of the buckets that can be judged."""
        return float(median(one for one in self.counts if one is not None))

    def variance(self, count: float) -> float:
        """Of the value of a bucket that rests on so much."""
        spread = self.value * (1 - self.value) if self.is_share else 1.0
        return spread * self.dispersion / count


def level_of(points: Sequence[Bucket | None], limit: Limit, *, is_share: bool) -> Level | None:
    """The level of a series; None where it has too few buckets to tell."""
    judged = [
        point if point is not None and point.value is not None and limit.enough(point) else None
        for point in points
    ]
    values = [one.value for one in judged if one is not None and one.value is not None]
    # Of a share it takes few to tell the level; how it scatters is then what is usual.
    if len(values) < (_FEW if is_share else FEWEST):
        return None
    counts = tuple(None if one is None else _count(one) for one in judged)
    share = is_share and min(values) >= 0 and max(values) <= 1
    # The effect that the whole series shows is that of one bucket more.
    dispersion = design_effects([*judged, None])[-1] if share else _scatter(judged)
    return Level(median(values), counts, dispersion, share)


def _count(point: Bucket) -> float:
    return float(point.denominator) if isinstance(point, Point) and point.denominator else 1.0


def _scatter(points: Sequence[Bucket | None]) -> float:
    """The variance of a bucket that rests on 1, robustly, from buckets that follow each other."""
    found = [
        abs(other.value - one.value) / math.sqrt(1 / _count(one) + 1 / _count(other))
        for one, other in pairwise(points)
        if one is not None
        and other is not None
        and one.value is not None
        and other.value is not None
    ]
    return (median(found) / _QUARTILE) ** 2 if found else 0.0


def episodes(
    breaches: Iterable[Chance | None],
    needed: int,
    *,
    keep: int = 1,
    within: int | None = None,
) -> float:
    """How many runs fire, given the chance that each bucket breaches; None cannot be judged.

    The chances of all lengths of run that a bucket may be in are carried from bucket to bucket:
    lengths below `needed`, then firing with 0 to `keep` - 1 fine buckets since the last breach.
    Chances may be arrays, one element for each of several cases of the same probability.
    """
    pending: list[Chance] = [1.0] + [0.0] * (needed - 1)
    firing: list[Chance] = [0.0] * keep
    fired: Chance = 0.0
    gap = 0
    for chance in breaches:
        if chance is None:
            gap += 1
            if within is not None and gap >= within:
                pending = [sum(pending)] + [0.0] * (needed - 1)
            continue
        gap, fine = 0, 1 - chance
        begun = pending[-1] * chance
        fired = fired + begun
        calm = fine * (sum(pending) + firing[-1])
        pending = [calm, *(one * chance for one in pending[:-1])]
        firing = [begun + chance * sum(firing), *(one * fine for one in firing[:-1])]
    return float(np.mean(fired))


@dataclass(frozen=True)
class Sureness:
    """How sure a value must be to breach, and the design effect that is reckoned with."""

    confidence: float
    design_effect: float

    @property
    def z(self) -> float:
        """How many standard errors to either side."""
        return float(ndtri((1 + self.confidence) / 2))


def threshold(level: Level, limit: Limit, sureness: Sureness | None = None) -> list[Chance | None]:
    """The chance of each bucket to lie beyond a fixed bound.

    A share is binomial, its events worth what its dispersion leaves of them; anything else is
    normal. With `sureness` the bound moves to where Wilson's interval would just reach it.
    """

    def chance(count: float) -> float:
        bound = limit.bound
        below = limit.operator.startswith("<")
        if sureness is not None and 0 < bound < 1:
            error = math.sqrt(bound * (1 - bound) * sureness.design_effect / count)
            bound += (-1 if below else 1) * sureness.z * error
        if level.is_share:
            return _binomial(level, limit.operator, bound, count)
        deviation = math.sqrt(level.variance(count))
        side = 1 if below else -1
        if not deviation:
            return float(limit.breached(level.value))
        return float(ndtr(side * (bound - level.value) / deviation))

    return _each(level.counts, chance)


def _binomial(level: Level, operator: str, bound: float, count: float) -> float:
    """The chance that a share of so many events lies beyond the bound."""
    edge = bound * count
    slack = 1e-9 * max(1.0, abs(edge))
    # The most events that still lie below the bound, or do not exceed it.
    strict = operator in {"<", ">="}
    most = math.ceil(edge - slack) - 1 if strict else math.floor(edge + slack)
    below = _at_most(most, count, level)
    return below if operator.startswith("<") else 1 - below


def _at_most(most: float, count: float, level: Level) -> float:
    """The binomial distribution, continued to numbers of events that are not whole."""
    events = count / level.dispersion
    most = (most + 0.5) / level.dispersion - 0.5
    if most < 0 or not events:
        return 0.0
    return 1.0 if most >= events else float(betainc(events - most, most + 1, 1 - level.value))


def change(
    level: Level,
    counts: Sequence[tuple[float, float] | None],
    limit: Limit,
    *,
    relative: bool = True,
    sureness: Sureness | None = None,
) -> list[Chance | None]:
    """The chance of each bucket to differ from another of the same level by more than the bound.

    `counts` are what both rest on. With `sureness` the difference must be beyond what it explains
    by itself, as `experiment_delta` asks.
    """
    side = 1 if limit.operator.startswith("<") else -1
    factor = 1 + limit.bound if relative else 1.0
    needed = limit.bound * level.value if relative else limit.bound

    def chance(pair: tuple[float, float]) -> float:
        variance = level.variance(pair[0]) + factor**2 * level.variance(pair[1])
        if not variance > 0:
            return 0.0
        far = side * needed / math.sqrt(variance)
        if sureness is not None:
            own = level.dispersion if level.is_share else 1.0
            far -= sureness.z * math.sqrt(sureness.design_effect / own)
        return float(ndtr(far))

    return _each(counts, chance)


def drop(level: Level, limit: Limit, periods: int) -> list[Chance | None]:
    """The chance of each bucket to lie by more than the bound below those right before it.

    Averaged over what the baseline, which a run of breaches shares, may have been.
    """
    past = [0.0 if one is None else one for one in level.counts]

    def chance(place: int, count: float) -> Chance:
        behind = sum(past[max(place - periods, 0) : place])
        if not behind:
            return 0.0
        base = level.value + _NORMAL * math.sqrt(level.variance(behind))
        deviation = math.sqrt(level.variance(count))
        if not deviation:
            return 0.0
        result: Chance = ndtr((base * (1 + limit.bound) - level.value) / deviation)
        return result

    return [
        None if count is None else chance(place, count) for place, count in enumerate(level.counts)
    ]


def zscore(
    level: Level, bound: float, days: int, *, by_weekday: bool, floored: bool
) -> list[Chance | None]:
    """The chance of each day to lie beyond the bound on one side; the other has the same.

    The standard deviation is estimated, and in a run of breaches the same one: it is averaged
    over. By weekdays each day has a mean of its own, with an error of its own; else all share one.
    `floored` says that the standard deviation is never below the true one.
    """
    weeks = days // 7
    freedom = days - 7 if by_weekday else days - 1
    # By chdtri, the quantile of the upper tail: all that matters is that all are there.
    spread = np.sqrt(chdtri(freedom, _NODES) / freedom)
    if by_weekday:
        error = math.sqrt(1 + 1 / weeks)
        sd = np.maximum(spread * error, 1.0) if floored else spread * error
        chances: Chance = ndtr(-bound * sd / error)
    else:
        sd = np.maximum(spread, 1.0) if floored else spread
        shift = _NORMAL / math.sqrt(days)
        chances = ndtr(-(bound * sd[:, None]) - shift[None, :]).ravel()
    return [None if one is None else chances for one in level.counts]


def streak(requests: float, zero_rate: float, bound: float) -> float:
    """Runs of at least so many requests with a count of 0, of requests that do not depend."""
    return (requests * (1 - zero_rate) + 1) * zero_rate ** math.ceil(bound)


def _each(counts: Sequence[T | None], chance: Callable[[T], float]) -> list[Chance | None]:
    """The chance by count; many buckets rest on the same."""
    known = cache(chance)
    return [None if one is None else known(one) for one in counts]
