"""Simulated users: arrays with a row per run and a column per user, and their moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr  # type: ignore[import-untyped]

from alerts.experiments.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator

Counts = npt.NDArray[np.int64]
_TOTALS = "mdpq"


@dataclass(frozen=True)
class Users:
    """The totals of users, runs × users each: m, d since exposure, p, q before; whole numbers."""

    m: Counts
    d: Counts
    p: Counts
    q: Counts

    def moments(self, of: slice = slice(None)) -> Iterator[Moments]:
        """The moments of the same users in each run."""
        totals = [getattr(self, name)[:, of] for name in _TOTALS]
        sums = {f"sum_{a}": one.sum(axis=1) for a, one in zip(_TOTALS, totals, strict=True)}
        for i, a in enumerate(_TOTALS):
            for j in range(i, len(_TOTALS)):
                sums[f"sum_{a}{_TOTALS[j]}"] = np.einsum("ru,ru->r", totals[i], totals[j])
        for run in range(len(self.m)):
            yield Moments.of(
                totals[0].shape[1], {name: int(values[run]) for name, values in sums.items()}
            )


# Impressions per user are geometric with this mean, clicks come in users by a rate of their own.
NEW, RETURNING = (5.0, 0.03), (15.0, 0.06)


def clickers(
    random: np.random.Generator, runs: int, users: int, *, lift: float = 0.0, level: float = 1.0
) -> Users:
    """Clicks and impressions; the first half of the users is new, the second returns.

    A user's click rate is Beta with a concentration of 20 about that of his kind, and is the same
    before and after exposure; so is his number of impressions on average. The design effect is
    about 2.
    """
    parts = [
        _kind(random, (runs, size), views, rate * level, lift)
        for size, (views, rate) in ((users // 2, NEW), (users - users // 2, RETURNING))
    ]
    return Users(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


def _kind(
    random: np.random.Generator, shape: tuple[int, int], views: float, rate: float, lift: float
) -> tuple[Counts, Counts, Counts, Counts]:
    own = random.beta(20 * rate, 20 * (1 - rate), shape)
    busy = 0.5 + random.standard_exponential(shape) * (views - 1.5)
    d, q = 1 + random.poisson(busy), 1 + random.poisson(busy)
    return random.binomial(d, np.minimum(own * (1 + lift), 1)), d, random.binomial(q, own), q


def click_rate() -> float:
    """The true rate of `clickers` as they are: Σ E clicks / Σ E impressions."""
    return (NEW[0] * NEW[1] + RETURNING[0] * RETURNING[1]) / (NEW[0] + RETURNING[0])


@dataclass(frozen=True)
class Revenue:
    """Revenue per user in cents: a share of buyers, of lognormal amounts, perhaps capped.

    Attributes:
        buyers: Share of users.
        typical: Median amount of a buyer, in cents.
        own: Standard deviation of the log between users, the same before exposure and after.
        other: The same within a user.
        cap: In cents, or None.
    """

    buyers: float = 0.3
    typical: float = 3000.0
    own: float = 0.8
    other: float = 0.6
    cap: float | None = 20_000.0

    def draw(
        self, random: np.random.Generator, runs: int, users: int, *, lift: float = 0.0
    ) -> Users:
        """Users with their revenue as m, and before exposure as p."""
        shape = runs, users
        own = np.exp(random.standard_normal(shape) * self.own) * self.typical
        ones = np.ones(shape, dtype=np.int64)
        m = self._amounts(random, own) * (1 + lift)
        p = self._amounts(random, own)
        return Users(np.rint(m).astype(np.int64), ones, np.rint(p).astype(np.int64), ones)

    def _amounts(
        self, random: np.random.Generator, own: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        amounts = own * np.exp(random.standard_normal(own.shape) * self.other)
        amounts[random.random(own.shape) >= self.buyers] = 0
        return amounts if self.cap is None else np.minimum(amounts, self.cap)

    def mean(self) -> float:
        """The true mean per user in cents, up to the rounding of amounts."""
        spread = math.hypot(self.own, self.other)
        whole = self.typical * math.exp(spread**2 / 2)
        if self.cap is None:
            return self.buyers * whole
        edge = math.log(self.cap / self.typical) / spread
        return self.buyers * float(whole * ndtr(edge - spread) + self.cap * ndtr(-edge))


CAPPED = Revenue()
# What shops without an outlier policy have: a long tail, of which 2,000 users still make a mean.
SKEWED = Revenue(buyers=0.1, cap=None)
# One buyer in 11,000 spends 1,000 times the median: the mean of 2,000 users is far from normal.
HEAVY = Revenue(buyers=0.1, own=1.4, other=1.2, cap=None)


def bivariate(random: np.random.Generator, runs: int, users: int, correlation: float) -> Users:
    """Users whose m and p are normal with a known correlation, in thousandths."""
    shape = runs, users
    p = random.standard_normal(shape)
    m = correlation * p + math.sqrt(1 - correlation**2) * random.standard_normal(shape)
    ones = np.ones(shape, dtype=np.int64)
    whole = [np.rint(1000 * (10 + one)).astype(np.int64) for one in (m, p)]
    return Users(whole[0], ones, whole[1], ones)
