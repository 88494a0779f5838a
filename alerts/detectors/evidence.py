"""How sure a share is: its interval, and how much more than by chance its series scatters.

A day's clicks are not independent: of one user's impressions all or none are often clicked. The
design effect says how many times the variance of a share is that of independent events. It can be
told from the series itself, by the differences of buckets that follow each other: what drifts over
weeks cancels in them (von Neumann and others, "The mean square successive difference", Annals of
Mathematical Statistics 12, 1941), and their square over the binomial variance is the dispersion of
McCullagh and Nelder, "Generalized Linear Models", 4.5. The median in place of the mean keeps a
bucket that fell out of the ordinary from raising it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from alerts.detectors.series import Interval, Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.detectors.series import Bucket, Limit

# Measured on the logs of a news site: taken where a series is too short to tell its own.
USUAL = 1.75
# Differences that it takes to tell, and the most that are looked back upon.
FEWEST = 14
MOST = 200
# The median of a chi-square with one degree of freedom, the square of a standard normal.
_MEDIAN = NormalDist().inv_cdf(0.75) ** 2


def design_effects(points: Sequence[Bucket | None]) -> list[float]:
    """The design effect of a share at each bucket, from those before it; 1 or more.

    `median((p₁ − p₀)² / (p(1 − p)(1/n₀ + 1/n₁))) / 0.455`, p being the share of both buckets, over
    the newest 200 pairs of neighbours. Fewer than 14 pairs, or shares that are all 0 or 1, give
    1.75. What comes later never changes what was judged.
    """
    effects: list[float] = []
    window: deque[float] = deque()
    ordered: list[float] = []
    for place in range(len(points)):
        # The pair that ends right before this bucket.
        ratio = _dispersion(points[place - 2], points[place - 1]) if place >= 2 else None
        if ratio is not None:
            window.append(ratio)
            insort(ordered, ratio)
            if len(window) > MOST:
                del ordered[bisect_left(ordered, window.popleft())]
        effects.append(max(1.0, _middle(ordered) / _MEDIAN) if len(ordered) >= FEWEST else USUAL)
    return effects


def _middle(ordered: Sequence[float]) -> float:
    """The median of what is in order already."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _dispersion(one: Bucket | None, other: Bucket | None) -> float | None:
    """The square of a difference over its binomial variance; None where that is 0 or unknown."""
    if not (isinstance(one, Point) and isinstance(other, Point)):
        return None
    if not one.denominator or not other.denominator:
        return None
    share = (one.numerator + other.numerator) / (one.denominator + other.denominator)
    variance = share * (1 - share) * (1 / one.denominator + 1 / other.denominator)
    if not variance > 0:
        return None
    difference = other.numerator / other.denominator - one.numerator / one.denominator
    return difference * difference / variance


def wilson(share: float, events: float, confidence: float) -> tuple[float, float]:
    """The two-sided interval of Wilson (1927) for a share of so many independent events."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    square = z * z
    middle = (share + square / (2 * events)) / (1 + square / events)
    reach = (z * sqrt(share * (1 - share) / events + square / (4 * events * events))) / (
        1 + square / events
    )
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Evidence:
    """How sure a share must be to breach.

    Attributes:
        confidence: Of the interval that must lie beyond the bound, 0.5 to 1.
        design_effect: Of its variance; None for what the series' own past says.
    """

    confidence: float
    design_effect: float | None = None

    def interval(self, point: Point, effect: float) -> Interval | None:
        """Where the bucket's share lies, events being worth what the design effect leaves.

        None where the bucket is no share.
        """
        value = point.value
        if not point.denominator or value is None or not 0 <= value <= 1:
            return None
        low, high = wilson(value, point.denominator / effect, self.confidence)
        return Interval(low, high, effect)


def beyond(interval: Interval, limit: Limit) -> bool:
    """Whether all of the interval lies on the wrong side of the bound."""
    return limit.breached(interval.high if limit.operator.startswith("<") else interval.low)
