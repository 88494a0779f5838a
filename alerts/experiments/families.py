"""Adjusted p-values of several tests that are read together.

A test that was refused has no p-value: it stays None and does not count. The adjusted value is the
smallest level at which the procedure rejects, hence compared with alpha as a p-value is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down: the chance of any false rejection in the family is at most alpha.

    The k-th smallest of n is multiplied by n − k + 1, and is no smaller than those before it
    (Holm 1979, Scandinavian Journal of Statistics 6, 65-70). Holds however the tests depend.

    Args:
        p_values: Of one family, 0 to 1 each, None where a test was refused.

    Returns:
        The adjusted p-values in the order given.

    Raises:
        ValueError: A p-value is outside 0 to 1.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    ranked = _ranked(p_values)
    for before, (p_value, index) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - before) * p_value))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's step-up: among what is rejected at most alpha is false on average.

    The k-th smallest of n is multiplied by n / k, and is no larger than those after it
    (Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57, 289-300). Holds for
    tests that are independent or, as cuts of one metric are, positively dependent.

    Args:
        p_values: Of one family, 0 to 1 each, None where a test was refused.

    Returns:
        The adjusted p-values in the order given.

    Raises:
        ValueError: A p-value is outside 0 to 1.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    smallest = 1.0
    ranked = _ranked(p_values)
    for rank in range(len(ranked), 0, -1):
        p_value, index = ranked[rank - 1]
        smallest = min(smallest, p_value * len(ranked) / rank)
        adjusted[index] = smallest
    return adjusted


def _ranked(p_values: Sequence[float | None]) -> list[tuple[float, int]]:
    """The p-values that there are, from the smallest on, with their places."""
    ranked = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    if not all(0 <= p <= 1 for p, _ in ranked):
        raise ValueError(f"a p-value is outside 0 to 1: {list(p_values)}")
    return ranked
