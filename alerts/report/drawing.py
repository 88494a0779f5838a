"""Charts as SVG: Altair describes them, vl-convert renders them in this process.

In a page colours are only names: the page's stylesheet replaces each, so that one drawing serves
light and dark. A picture by itself has colours of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import vl_convert

if TYPE_CHECKING:
    from collections.abc import Sequence

# The stylesheet gives each a colour: `[fill="#010101"] { fill: var(--ink) }`.
INK: Final = "#010101"
QUIET: Final = "#020202"
GRID: Final = "#030303"
SERIES: Final = "#040404"
SHADE: Final = "#050505"
ALARM: Final = "#060606"
LIMIT: Final = "#070707"
BEFORE: Final = "#080808"
BAND: Final = "#090909"
COLORS: Final = {
    INK: "ink",
    QUIET: "quiet",
    GRID: "grid",
    SERIES: "series",
    SHADE: "shade",
    ALARM: "alarm",
    LIMIT: "limit",
    BEFORE: "before",
    BAND: "band",
}

# vl-convert measures texts in Liberation Sans, whose widths are Arial's.
FONT: Final = "Arial, Liberation Sans, sans-serif"

# What Vega-Lite calls a datum.
Row = dict[str, Any]


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """A chart of rows that it carries with it."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def inline(chart: Any, name: str) -> str:
    """The chart as an SVG element that can stand in a page beside others, its texts escaped.

    Its colours are names, for the page's stylesheet; `name` sets it apart from the others.
    """
    themed = (
        chart.configure(background="transparent", font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            domainColor=GRID,
            tickColor=GRID,
            gridColor=GRID,
            labelColor=QUIET,
            titleColor=QUIET,
            titleFontWeight="normal",
            labelFontSize=10,
            titleFontSize=10,
        )
        .configure_legend(labelColor=QUIET, labelFontSize=10)
    )
    svg = vl_convert.vegalite_to_svg(themed.to_json(validate=False))
    # Inside HTML an SVG needs no namespace. Clip paths are named alike in every drawing.
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'(id="|url\(#)(clip|gradient)', rf"\1{name}-\2", svg)
    return re.sub(r"<svg\b", '<svg aria-hidden="true" focusable="false"', svg, count=1)


def picture(chart: Any) -> str:
    """The chart as an SVG file of its own."""
    themed = chart.configure(font=FONT).configure_view(stroke=None)
    svg: str = vl_convert.vegalite_to_svg(themed.to_json(validate=False))
    return svg
