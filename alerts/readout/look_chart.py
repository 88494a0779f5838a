"""The days of a primary metric in one arm, drawn: what daily looks would have seen.

Differences and not lifts: of these the confidence sequence is known, and all three are on one axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from alerts.experiments.results import Estimate
from alerts.experiments.sequential import Anytime
from alerts.readout import cells
from alerts.report.drawing import BAND, BEFORE, INK, LIMIT, QUIET, SERIES, chart_of, inline
from alerts.rules.marts import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.looks import DailyLook
    from alerts.report.drawing import Row

# Of the first days the bands are so wide that nothing else could be told: the axis is fit to the
# others, and they go beyond it.
_FIT = 3
_SIZE = {"width": 480, "height": 170}


def draw_looks(found: Sequence[tuple[DailyLook, Comparison]], day_n: date | None, name: str) -> str:
    """Differences from control by day, with both intervals, day N and 0, as SVG for a page.

    Args:
        found: A metric in an arm, by day.
        day_n: The day on which success is decided; None where nobody knows.
        name: Of the drawing, in the page.
    """
    metric = found[0][1].metric
    unit = 100.0 if cells.is_share(metric) else metric.scale
    rows = [_row(look, one, unit) for look, one in found]
    ends = _ends(rows)
    x = alt.X(
        "day:T",
        scale=alt.Scale(type="utc", domain=_domain(found, day_n)),
        title=None,
        axis=alt.Axis(format="%-d %b", tickCount=6, labelFlush=True, grid=False),
    )
    title = "percentage points" if cells.is_share(metric) else "difference"
    y = alt.Y("low:Q", title=title, scale=alt.Scale(domain=ends), axis=alt.Axis(tickCount=4))
    base = chart_of(rows).encode(x=x)
    sequence = base.mark_area(color=BAND, opacity=1, clip=True, aria=False)
    fixed = base.mark_rule(color=BEFORE, strokeWidth=2, clip=True, aria=False)
    line = base.mark_line(color=SERIES, strokeWidth=1.8, clip=True, aria=False)
    zero = chart_of([{"value": 0}]).mark_rule(color=LIMIT, strokeWidth=1, aria=False)
    layers: list[Any] = [
        sequence.encode(y=y, y2="high:Q"),
        fixed.encode(y="fixed_low:Q", y2="fixed_high:Q"),
        zero.encode(y="value:Q"),
        *_day_n(day_n),
        line.encode(y="difference:Q"),
    ]
    decided = [row for row, (look, _) in zip(rows, found, strict=True) if look.is_deciding]
    layers += _decisive(decided)
    return inline(alt.layer(*layers).properties(**_SIZE), name)


def _row(look: DailyLook, one: Comparison, unit: float) -> Row:
    """A day; what could not be tested is a gap."""
    row: Row = {"day": f"{look.day}"}
    if isinstance(one.deciding, Estimate):
        interval = one.deciding.interval
        row["difference"] = unit * one.deciding.difference
        row["fixed_low"], row["fixed_high"] = _times(unit, interval.low, interval.high)
    if isinstance(one.anytime, Anytime):
        row["low"], row["high"] = _times(unit, one.anytime.interval.low, one.anytime.interval.high)
    return row


def _times(unit: float, *values: float | None) -> tuple[float | None, ...]:
    return tuple(None if value is None else unit * value for value in values)


def _ends(rows: Sequence[Row]) -> list[float]:
    """From where to where the axis goes: 0, every difference, and both bands of later days."""
    values = [0.0, *(row["difference"] for row in rows if "difference" in row)]
    names = ("low", "high", "fixed_low", "fixed_high")
    for row in rows[len(rows) // _FIT :]:
        values += [row[name] for name in names if row.get(name) is not None]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return [low - room, high + room]


def _domain(found: Sequence[tuple[DailyLook, Comparison]], day_n: date | None) -> list[str]:
    """From noon to noon around the days, so that the first and the last are seen whole."""
    first, last = found[0][0].day - DAY, max(found[-1][0].day, day_n or found[-1][0].day)
    return [f"{first}T12:00:00Z", f"{last}T12:00:00Z"]


def _day_n(day: date | None) -> list[Any]:
    if day is None:
        return []
    base = chart_of([{"day": f"{day}", "text": "day N"}]).encode(
        x=alt.X("day:T", scale=alt.Scale(type="utc"))
    )
    rule = base.mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1, aria=False)
    text = base.mark_text(color=QUIET, fontSize=10, dy=-6, baseline="bottom", aria=False)
    return [rule, text.encode(y=alt.value(0), text="text:N")]


def _decisive(rows: Sequence[Row]) -> list[Any]:
    """The deciding look: its point, and its fixed interval, which alone is valid."""
    base = chart_of(rows).encode(x=alt.X("day:T", scale=alt.Scale(type="utc")))
    interval = base.mark_rule(color=SERIES, strokeWidth=3, clip=True, aria=False)
    point = base.mark_point(color=SERIES, filled=True, size=60, opacity=1, aria=False)
    return [interval.encode(y="fixed_low:Q", y2="fixed_high:Q"), point.encode(y="difference:Q")]
