"""The lifts of a readout in one picture: `recwatch readout --svg FILE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from alerts.errors import ConfigurationError
from alerts.experiments import wording
from alerts.experiments.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alerts.experiments.readout import Readout

_FONT = "Arial, Liberation Sans, sans-serif"
# Told apart without red and green, and in a copy without colours by their lightness.
_COLORS = {"primary": "#0b4f8a", "secondary": "#5b9bd5", "guardrail": "#8a8a8a"}
_ROW = 26


def write_chart(readout: Readout, path: Path) -> None:
    """Writes the picture; an error where the file cannot be written."""
    try:
        path.write_text(draw(readout), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None


def draw(readout: Readout) -> str:
    """Each metric's lift against control with its interval, as SVG, primary metrics on top."""
    rows = list(_rows(readout))
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=[row["name"] for row in rows], title=None),
        color=alt.Color(
            "role:N",
            scale=alt.Scale(domain=list(_COLORS), range=list(_COLORS.values())),
            title=None,
        ),
    )
    zero = (
        alt.Chart(alt.InlineData(values=[{"lift": 0}]))
        .mark_rule(strokeDash=[4, 3])
        .encode(x="lift:Q")
    )
    reach = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title="Lift against control", axis=alt.Axis(format="+.0%")), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x="lift:Q")
    words = base.mark_text(align="left", dx=6, dy=-9, fontSize=10).encode(x="lift:Q", text="text:N")
    chart = alt.layer(zero, reach, points, words).properties(
        title=alt.Title(_title(readout), subtitle=_subtitle(readout), anchor="start"),
        width=560,
        height=alt.Step(_ROW),
    )
    themed = chart.configure(font=_FONT).configure_view(stroke=None)
    svg: str = vl_convert.vegalite_to_svg(themed.to_json(validate=False))
    return svg


def _rows(readout: Readout) -> Iterator[dict[str, Any]]:
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


def _subtitle(readout: Readout) -> str:
    """To when, and whether the intervals may be read."""
    if readout.day is None or readout.schedule is None:
        return "not started"
    said = f"to the end of {readout.day}, {wording.percent(1 - readout.alpha, 0)} intervals"
    if not readout.schedule.is_reached:
        day = readout.schedule.day_n
        said += ", not valid before " + (f"day {day}" if day else "the planned users are there")
    return said
