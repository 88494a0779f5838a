"""The change of a ratio, split exactly over the parts of a dimension.

With rᵢ the ratio of part i and wᵢ its share of the denominator, R = Σ wᵢ·rᵢ, and

    R₁ − R₀ = Σ (rᵢ₁ − rᵢ₀)·(wᵢ₀ + wᵢ₁)/2  +  Σ (wᵢ₁ − wᵢ₀)·((rᵢ₀ + rᵢ₁)/2 − c)

The first sum is what the parts' own ratios moved (`rate`), the second what moved because parts
grew or shrank (`mix`). Both weigh by the mean of before and now, so that before and now exchanged
give the same with the other sign: the decomposition of T. L. Bennet, "The theory of measurement
of changes in cost of living", Journal of the Royal Statistical Society 83 (1920), 455-462. As
shares add up to 1 on both sides, any constant c leaves the sum as it is; c = (R₀ + R₁)/2 says
that a part which grows moves the ratio only as far as it differs from the whole.

Everything is a Fraction: the parts add up to the change, not nearly but exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# What identifies a part: (label, value) pairs.
Key = tuple[tuple[str, str], ...]
_ZERO = Fraction(0)


class Amount(NamedTuple):
    """The two sums of a part on one side; a plain count has no denominator."""

    numerator: Fraction
    denominator: Fraction = _ZERO


_NOTHING = Amount(_ZERO)


class Side(NamedTuple):
    """A part before or now: its ratio (None without a denominator), and its share of the whole."""

    level: Fraction | None
    share: Fraction


@dataclass(frozen=True)
class Part:
    """What one part did to the whole.

    Attributes:
        key: Which part.
        rate: By its own ratio; of a count, all it did.
        mix: By its share of the denominator.
        before: Its level and share before.
        now: Its level and share now.
    """

    key: Key
    rate: Fraction
    mix: Fraction
    before: Side
    now: Side

    @property
    def moved(self) -> Fraction:
        """All it did."""
        return self.rate + self.mix

    @property
    def size(self) -> Fraction:
        """Its share of the whole, the mean of before and now."""
        return (self.before.share + self.now.share) / 2


@dataclass(frozen=True)
class Split:
    """A change and its parts, which sum to it exactly."""

    before: Fraction
    now: Fraction
    parts: tuple[Part, ...]

    @property
    def change(self) -> Fraction:
        """Now less before."""
        return self.now - self.before


def split_ratio(before: Mapping[Key, Amount], now: Mapping[Key, Amount]) -> Split | None:
    """The change of Σ numerator / Σ denominator; None where either side has no denominator.

    A part that is new or gone has one ratio only: it did all it did by mix. So did a part whose
    denominator is 0 on one side; what its numerator holds there is of no ratio and counts as rate.
    """
    whole = [_total(side) for side in (before, now)]
    if not all(one.denominator for one in whole):
        return None
    first, last = (one.numerator / one.denominator for one in whole)
    reference = (first + last) / 2
    parts = []
    for key in _keys(before, now):
        amounts = (before.get(key, _NOTHING), now.get(key, _NOTHING))
        old, new = (_side(one, total) for one, total in zip(amounts, whole, strict=True))
        levels = [side.level for side in (old, new) if side.level is not None]
        middle = sum(levels, _ZERO) / len(levels) if levels else reference
        grown = new.share - old.share
        moved = amounts[1].numerator / whole[1].denominator
        moved -= amounts[0].numerator / whole[0].denominator
        parts.append(Part(key, moved - grown * middle, grown * (middle - reference), old, new))
    return Split(first, last, tuple(parts))


def split_count(before: Mapping[Key, Amount], now: Mapping[Key, Amount]) -> Split:
    """The change of a sum: each part's difference. Shares are those of the sum itself."""
    first, last = _total(before).numerator, _total(now).numerator
    parts = []
    for key in _keys(before, now):
        old, new = (side.get(key, _NOTHING).numerator for side in (before, now))
        sides = [
            Side(one, one / total if total else _ZERO) for one, total in ((old, first), (new, last))
        ]
        parts.append(Part(key, new - old, _ZERO, *sides))
    return Split(first, last, tuple(parts))


def _keys(before: Mapping[Key, Amount], now: Mapping[Key, Amount]) -> list[Key]:
    return sorted({*before, *now})


def _total(side: Mapping[Key, Amount]) -> Amount:
    numerators = (one.numerator for one in side.values())
    denominators = (one.denominator for one in side.values())
    return Amount(sum(numerators, _ZERO), sum(denominators, _ZERO))


def _side(one: Amount, whole: Amount) -> Side:
    level = one.numerator / one.denominator if one.denominator else None
    return Side(level, one.denominator / whole.denominator)
