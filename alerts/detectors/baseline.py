"""What a day is held against: mean and standard deviation of the days before it, for all days.

Computed for every day of a series at once, since a thousand series of 400 days are judged together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WEEK = 7


class Baseline(NamedTuple):
    """Mean, and the standard deviation of a further day about it; `days` make the mean."""

    mean: float
    sd: float
    by_weekday: bool
    days: int


class Baselines:
    """The baselines of a series that end at any of its days."""

    def __init__(self, values: Sequence[float | None], days: int, minimum: int, weeks: int) -> None:
        known = np.asarray([math.nan if one is None else one for one in values], dtype=float)
        windows = _windows(known, days)
        self._minimum = minimum
        with np.errstate(all="ignore"):
            self._plain(windows)
            self._weekly(windows, days, weeks)

    def at(self, place: int, end: int) -> Baseline | None:
        """For the day at `place`, from the days right before `end`; None where they are too few."""
        count = self._counts[end]
        if count < self._minimum:
            return None
        if not self._is_weekly[end]:
            return Baseline(self._means[end], self._sds[end], by_weekday=False, days=count)
        # Columns are counted from `end`: the first is its own weekday.
        weekday = (place - end) % WEEK
        own = self._weekday_counts[end][weekday]
        sd = self._residuals[end] * math.sqrt(1 + 1 / own)
        return Baseline(self._weekday_means[end][weekday], sd, by_weekday=True, days=own)

    def _plain(self, windows: NDArray[np.float64]) -> None:
        counts, means, squares = _moments(windows, 1)
        self._counts: list[int] = counts.tolist()
        self._means: list[float] = means.tolist()
        self._sds: list[float] = np.sqrt(squares / (counts - 1)).tolist()

    def _weekly(self, windows: NDArray[np.float64], days: int, weeks: int) -> None:
        """The same by weekday.

        The standard deviation is that of the residuals of all weekdays about their own means, with
        n − 7 degrees of freedom.
        """
        by_week = windows.reshape(len(windows), -1, WEEK)
        counts, means, squares = _moments(by_week, 1)
        spans = np.minimum(np.arange(len(windows)), days) >= WEEK * weeks
        # A missing day here and there is no reason to forget the week's shape.
        self._is_weekly: list[bool] = (spans & (counts.min(axis=1) >= weeks - 1)).tolist()
        freedom = counts.sum(axis=1) - WEEK
        self._weekday_counts: list[list[int]] = counts.tolist()
        self._weekday_means: list[list[float]] = means.tolist()
        self._residuals: list[float] = np.sqrt(squares.sum(axis=1) / freedom).tolist()


def _windows(known: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """The days before each day, and before the one after the last, in whole weeks; NaN is none."""
    width = -(-days // WEEK) * WEEK
    padded = np.concatenate([np.full(width, np.nan), known])
    windows = sliding_window_view(padded, width).copy()
    windows[:, : width - days] = np.nan
    return windows


def _moments(
    values: NDArray[np.float64], axis: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """How many there are, their mean, and the sum of squares about it."""
    there = ~np.isnan(values)
    counts = there.sum(axis=axis)
    means = np.where(there, values, 0.0).sum(axis=axis) / counts
    least = np.where(there, values, np.inf).min(axis=axis)
    # What never changes has no spread, not even one of rounding.
    means = np.where(least == np.where(there, values, -np.inf).max(axis=axis), least, means)
    apart = np.where(there, values - np.expand_dims(means, axis), 0.0)
    return counts, means, (apart * apart).sum(axis=axis)
