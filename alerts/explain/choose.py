"""Which dimension explains a change best, and which of its parts did most."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.explain.split import Part, Split

Kind = Literal["rate", "mix"]
# Below this a change is everywhere: no part did a tenth more than its size makes it do.
STANDS_OUT = Fraction(1, 10)


@dataclass(frozen=True)
class Effect:
    """One thing that moved the whole: a part by its own ratio, or by its share."""

    part: Part
    kind: Kind

    @property
    def size(self) -> Fraction:
        """By how much, in the unit of the ratio."""
        return self.part.rate if self.kind == "rate" else self.part.mix


def concentration(split: Split) -> Fraction:
    """How far one part alone explains the change, 0 where it is everywhere, at most 1.

    The most that any part did of the change beyond its share of the whole: a part with 30 % of the
    impressions that did all of it gives 0.7. Without the share taken off, the dimension with the
    largest part would win whatever happened (the "surprise" of Adtributor, Bhagwan et al., NSDI
    2014, beside its "explanatory power"). Only the part that did most counts, for the scatter of
    many small ones adds up; and what it did beyond the change, because others did the opposite,
    makes it no better an explanation.
    """
    if not split.change or len(split.parts) < 2:
        return Fraction(0)
    excess = (min(one.moved / split.change, Fraction(1)) - one.size for one in split.parts)
    return max(Fraction(0), *excess)


def most_telling(splits: Sequence[Split]) -> Split | None:
    """The split with the greatest concentration; of equals that with fewer parts, then the first.

    A dimension with a single part tells nothing and is left out; None where none is left.
    """
    several = [one for one in splits if len(one.parts) > 1 and one.change]
    return max(several, key=lambda one: (concentration(one), -len(one.parts)), default=None)


def largest(split: Split, count: int = 3) -> list[Effect]:
    """The effects that moved the whole most, in either direction, the largest first."""
    kinds: tuple[Kind, ...] = ("rate", "mix")
    effects = [Effect(part, kind) for part in split.parts for kind in kinds]
    moved = [one for one in effects if one.size]
    moved.sort(key=lambda one: (-abs(one.size), one.part.key, one.kind))
    return moved[:count]
