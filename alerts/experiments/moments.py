"""The sufficient statistics of one arm: all that any test of ours needs to know of its users."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

# A user's totals: numerator and denominator since exposure, the same before it.
Total = Literal["m", "d", "p", "q"]
TOTALS: tuple[Total, ...] = ("m", "d", "p", "q")
ZERO = Fraction(0)
# A value per user that is a sum of totals, each times a number: (("m", 1), ("d", -R)) is m − R d.
Weights = tuple[tuple[Total, Fraction], ...]


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the users of one arm (`experiments.experiment_moments_daily`).

    For a user, m and d are numerator and denominator of the metric since exposure (d = 1 for a
    metric per user), p and q the same in the window before it (q = 1 for a metric per user).
    The sums are fractions, hence exact: a variance is nΣab − ΣaΣb without cancellation.

    Attributes:
        users: Users of the arm.
        sum_m: Σ m, and so on.
        sum_mm: Σ m², and so on.
    """

    users: int
    sum_m: Fraction = ZERO
    sum_d: Fraction = ZERO
    sum_p: Fraction = ZERO
    sum_q: Fraction = ZERO
    sum_mm: Fraction = ZERO
    sum_dd: Fraction = ZERO
    sum_pp: Fraction = ZERO
    sum_qq: Fraction = ZERO
    sum_md: Fraction = ZERO
    sum_mp: Fraction = ZERO
    sum_mq: Fraction = ZERO
    sum_dp: Fraction = ZERO
    sum_dq: Fraction = ZERO
    sum_pq: Fraction = ZERO

    @classmethod
    def of(cls, users: int, sums: Mapping[str, int | float | Decimal | Fraction]) -> Moments:
        """The moments of a row of the mart: `users` and the columns `sum_…` that there are."""
        return cls(users, **{name: Fraction(value) for name, value in sums.items()})

    def __add__(self, other: Moments) -> Moments:
        """The moments of both groups of users together."""
        return Moments(
            **{
                field.name: getattr(self, field.name) + getattr(other, field.name)
                for field in fields(self)
            }
        )

    def total(self, a: Total) -> Fraction:
        """Σ a."""
        value: Fraction = getattr(self, f"sum_{a}")
        return value

    def mean(self, a: Total) -> Fraction:
        """Σ a / n; needs at least one user."""
        return self.total(a) / self.users

    def products(self, a: Total, b: Total) -> Fraction:
        """Σ ab."""
        first, second = sorted((a, b), key=TOTALS.index)
        value: Fraction = getattr(self, f"sum_{first}{second}")
        return value

    def covariance(self, a: Total, b: Total) -> Fraction:
        """Sample covariance (n − 1); needs at least two users."""
        n = self.users
        return (n * self.products(a, b) - self.total(a) * self.total(b)) / (n * (n - 1))

    def weighted_covariance(self, x: Weights, y: Weights) -> Fraction:
        """Sample covariance (n − 1) of two weighted sums of totals; needs at least two users."""
        return sum((a * b * self.covariance(s, t) for s, a in x for t, b in y), start=ZERO)
