"""The lifts of a readout in one picture: by itself (`--svg FILE`), or in the page (`--html`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from alerts.experiments import wording
from alerts.experiments.results import Estimate
from alerts.report.drawing import BEFORE, INK, LIMIT, SERIES, chart_of, inline, picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alerts.experiments.readout import Readout
    from alerts.report.drawing import Row

# Told apart without red and green, and in a copy without colours by their lightness.
_COLORS = {"primary": "#0b4f8a", "secondary": "#5b9bd5", "guardrail": "#8a8a8a"}
_NAMES = {"primary": SERIES, "secondary": LIMIT, "guardrail": BEFORE}
_ROW = 26


def draw(readout: Readout) -> str:
    """Each metric's lift against control with its interval, as SVG, primary metrics on top."""
    title = alt.Title(_title(readout), subtitle=intervals(readout), anchor="start")
    return picture(_lifts(readout, _COLORS, {}).properties(title=title, width=560))


def draw_inline(readout: Readout) -> str | None:
    """The same for a page; None where no lift has bounds."""
    if not any(_rows(readout)):
        return None
    return inline(_lifts(readout, _NAMES, {"color": INK}).properties(width=560), "lifts")


def intervals(readout: Readout) -> str:
    """To when, and whether the intervals may be read."""
    if readout.day is None or readout.schedule is None:
        return "not started"
    said = f"to the end of {readout.day}, {wording.percent(1 - readout.alpha, 0)} intervals"
    if not readout.schedule.is_reached:
        day = readout.schedule.day_n
        said += ", not valid before " + (f"day {day}" if day else "the planned users are there")
    return said


def _lifts(readout: Readout, colors: Mapping[str, str], ink: Mapping[str, Any]) -> Any:
    """The chart in the colours of the roles, `ink` that of the line at 0 and of what is written."""
    rows = list(_rows(readout))
    base = chart_of(rows).encode(
        y=alt.Y("name:N", sort=[row["name"] for row in rows], title=None),
        color=alt.Color(
            "role:N",
            scale=alt.Scale(domain=list(colors), range=list(colors.values())),
            title=None,
        ),
    )
    zero = chart_of([{"lift": 0}]).mark_rule(strokeDash=[4, 3], **ink).encode(x="lift:Q")
    reach = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title="Lift against control", axis=alt.Axis(format="+.0%")), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x="lift:Q")
    words = base.mark_text(align="left", dx=6, dy=-9, fontSize=10).encode(x="lift:Q", text="text:N")
    if ink:
        words = words.encode(color=alt.value(ink["color"]))
    return alt.layer(zero, reach, points, words).properties(height=alt.Step(_ROW))


def _rows(readout: Readout) -> Iterator[Row]:
    """The comparisons whose lift has bounds."""
    several = len(readout.arms) > 1
    for one in readout.comparisons:
        if isinstance(one.deciding, Estimate):
            lift = one.deciding.lift
            if lift.value is not None and lift.interval.low is not None:
                yield {
                    "name": one.metric.metric + (f", {one.arm}" if several else ""),
                    "role": one.metric.role,
                    "lift": lift.value,
                    "low": lift.interval.low,
                    "high": lift.interval.high,
                    "text": wording.signed_percent(lift.value),
                }


def _title(readout: Readout) -> str:
    return f"{readout.plan.experiment_key}: {readout.recommendation.text}"
