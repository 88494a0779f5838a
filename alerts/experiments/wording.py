"""Figures as people write them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.experiments.results import Interval, Lift

UNBOUNDED = "no bounds"


def percent(share: float, digits: int = 1) -> str:
    """0.0312 as `3.1 %`."""
    return f"{_plain(100 * share, f'.{digits}f')} %"


def signed_percent(share: float | None) -> str:
    """0.0312 as `+3.1 %`; nothing is a dash."""
    return "-" if share is None else f"{_plain(100 * share, '+.1f')} %"


def lift(value: Lift) -> str:
    """`+3.1 % [+1.2 %, +5.0 %]`; without bounds it says why."""
    if value.interval.low is None or value.interval.high is None:
        return f"{signed_percent(value.value)} [{value.note or UNBOUNDED}]"
    bounds = f"{signed_percent(value.interval.low)}, {signed_percent(value.interval.high)}"
    return f"{signed_percent(value.value)} [{bounds}]"


def interval(bounds: Interval, scale: float, *, share: bool) -> str:
    """`[+0.12 pp, +0.50 pp]` of shares, `[+1.2, +5]` of anything else."""
    return f"[{difference(bounds.low, scale, share=share)}, " + (
        f"{difference(bounds.high, scale, share=share)}]"
    )


def level(value: float | None, scale: float, *, share: bool) -> str:
    """A level: `4.82 %` of a share, else four figures with the metric's scale."""
    if value is None:
        return "-"
    return percent(value, 2) if share else _figure(scale * value, "")


def difference(value: float | None, scale: float, *, share: bool) -> str:
    """A difference: `+0.48 pp` (percentage points) of shares, else four figures, signed."""
    if value is None:
        return "-"
    return f"{_plain(100 * value, '+.2f')} pp" if share else _figure(scale * value, "+")


def p_value(p: float | None) -> str:
    """`0.012`, or `< 0.0001`."""
    if p is None:
        return "-"
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.2g}" if p < 0.01 else f"{p:.3g}" if p < 0.1 else f"{p:.2f}"


def count(number: float) -> str:
    """1234567 as `1,234,567`; of a number that is none whole, the nearest that is."""
    return f"{round(number):,}"


def power_of_ten(log10: float) -> str:
    """A logarithm to base 10, such as of a Bayes factor, to one decimal: 1.3, and 0.0 for -0.04."""
    return _plain(log10, ".1f")


def _figure(value: float, sign: str) -> str:
    """Four figures, with commas where it is large."""
    if value == 0 or not math.isfinite(value):
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return _plain(value, f"{sign},.{min(digits, 8)}f")


def _plain(value: float, form: str) -> str:
    """Formatted, without the sign of a zero: -0.04 to one digit is 0.0."""
    text = format(value, form)
    return text if any(digit in text for digit in "123456789") else text.lstrip("+-")
