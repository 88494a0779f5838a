"""A split in words: a line for each of the largest effects, and one for what is left."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, log10
from typing import TYPE_CHECKING

from alerts.detectors.sentences import number
from alerts.explain.choose import STANDS_OUT, Effect, concentration, largest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.explain.split import Key, Side, Split

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Terms:
    """How a metric is spoken of.

    Attributes:
        metric: Its name.
        unit: Of its level: share, ms, count, number …
        denominator: The column it is divided by; None of a count.
        against: What now is compared with, such as `the week before`.
        source: Where the parts were read, if not where the value was.
    """

    metric: str
    unit: str
    denominator: str | None
    against: str
    source: str = ""


def sentences(split: Split, terms: Terms, count: int = 3) -> tuple[str, ...]:
    """The change, then its largest effects, then what the other parts did together.

    Figures are rounded to one grid, and the last line takes what rounding left: the lines add up
    to the first as they are read.
    """
    effects = largest(split, count)
    step = _step(effects, terms.unit)
    whole = _steps(split.change, step)
    taken = [_steps(one.size, step) for one in effects]
    levels = _levels(split.before, split.now, terms)
    lines = [f"{_signed(whole, step, terms.unit)} {terms.against} ({levels}){_where(split, terms)}"]
    lines += [
        f"{named(one.part.key)}: {_signed(steps, step, terms.unit)} ({_because(one, terms)})"
        for one, steps in zip(effects, taken, strict=True)
    ]
    rest = whole - sum(taken)
    others = sum(1 for part in split.parts for size in (part.rate, part.mix) if size)
    if rest or others > len(effects):
        lines.append(f"all else: {_signed(rest, step, terms.unit)}")
    return tuple(lines)


def named(key: Key) -> str:
    """`experiment_key=e, variation=b`."""
    return ", ".join(f"{name}={value}" for name, value in key)


def _where(split: Split, terms: Terms) -> str:
    dimension = " and ".join(name for name, _ in split.parts[0].key)
    source = f" in {terms.source}" if terms.source else ""
    even = "" if concentration(split) >= STANDS_OUT else ", no part stands out"
    return f", by {dimension}{source}{even}"


def _because(effect: Effect, terms: Terms) -> str:
    old, new = effect.part.before, effect.part.now
    if terms.denominator is None:
        return _levels(old.level or 0, new.level or 0, terms)
    share = f"share of {terms.denominator}"
    if effect.kind == "mix":
        grown = f"{share} {_percent(old)} → {_percent(new)}"
        present = new if old.level is None else old if new.level is None else None
        if present is None or present.level is None:
            return grown
        state = "new" if old.level is None else "gone"
        return f"{state}: {grown}, its {terms.metric} {number(float(present.level), terms.unit, 3)}"
    if old.level is None or new.level is None:
        return f"counted without any {terms.denominator}"
    return f"its {_levels(old.level, new.level, terms)}"


def _levels(old: Fraction | int, new: Fraction | int, terms: Terms) -> str:
    unit = terms.unit
    return f"{terms.metric} {number(float(old), unit, 3)} → {number(float(new), unit, 3)}"


def _percent(side: Side) -> str:
    return number(float(side.share), "share", 3)


def _step(effects: Sequence[Effect], unit: str) -> int:
    """The exponent of ten to round to: two digits of the largest effect, no less than units."""
    greatest = max((abs(float(one.size)) for one in effects), default=0.0)
    exponent = floor(log10(greatest)) - 1 if greatest else 0
    return min(exponent, -2 if unit == "share" else 0)


def _steps(size: Fraction, step: int) -> int:
    return round(size / _power(step))


def _power(exponent: int) -> Fraction:
    return Fraction(10) ** exponent


def _signed(steps: int, step: int, unit: str) -> str:
    """`−0.92 points`, `+340 ms`, `+12`."""
    exponent = step + 2 if unit == "share" else step
    places = max(0, -exponent)
    size = abs(steps) * _power(exponent)
    text = f"{float(size):,.{places}f}"
    sign = MINUS if steps < 0 else "+"
    suffix = {"share": " points", "count": "", "number": ""}.get(unit, f" {unit}")
    return f"{sign if steps else ''}{text}{suffix}"
