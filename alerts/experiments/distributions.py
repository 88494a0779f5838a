"""Tails and quantiles of the normal and of Student's distribution.

From `scipy.special`, which loads in a fraction of the time of `scipy.stats` and is what that calls.
"""

from __future__ import annotations

from scipy.special import (  # type: ignore[import-untyped]
    ndtr,
    ndtri,
    stdtr,
    stdtrit,
)


def two_sided(statistic: float, degrees_of_freedom: float | None = None) -> float:
    """The p-value of a statistic that is as bad in either direction, 0 to 1.

    Both tails are computed as such: 1 − cdf would be 0 from 8.3 standard errors on.

    Args:
        statistic: In standard errors.
        degrees_of_freedom: Of Student's t, above 0; None for the normal distribution.
    """
    below = -abs(statistic)
    if degrees_of_freedom is None:
        return 2 * float(ndtr(below))
    return 2 * float(stdtr(degrees_of_freedom, below))


def critical(alpha: float, degrees_of_freedom: float | None = None) -> float:
    """How many standard errors to either side leave alpha outside; above 0.

    Args:
        alpha: Between 0 and 1, both tails together.
        degrees_of_freedom: Of Student's t, above 0; None for the normal distribution.
    """
    if degrees_of_freedom is None:
        return -float(ndtri(alpha / 2))
    return -float(stdtrit(degrees_of_freedom, alpha / 2))
