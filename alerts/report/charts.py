"""The charts of the demo's page. Marks carry no tooltips; every number is in a table as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from alerts.report.drawing import (
    ALARM,
    BEFORE,
    INK,
    LIMIT,
    SERIES,
    SHADE,
    Row,
    chart_of,
    inline,
)
from alerts.rules.marts import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.report.content import Alarm, Metric, ServedMetric, Shade
    from alerts.report.figures import Figures, FunnelRow, Histogram, Surface
    from alerts.report.served import Place

_PANEL = {"width": 330, "height": 120}


def panel(
    figures: Figures,
    surface: Surface,
    metric: Metric,
    shades: Sequence[Shade],
    alarms: Sequence[Alarm],
) -> str:
    """One surface's metric per day: its limit, shaded days, and what fired."""
    scale = 1000 if metric == "avg_dwell_ms" else 1
    limit = surface.min_ctr if metric == "ctr" else surface.min_dwell_ms
    top = _top(figures, metric) / scale
    rows: list[Row] = []
    for day in figures.days:
        value = getattr(figures.of(surface.name, day), metric)
        rows.append({"day": f"{day}", "value": None if value is None else value / scale})
    mine = [one for one in alarms if one.surface == surface.name and one.metric == metric]
    breaches = [
        row
        for one in mine
        if not one.weekly
        for row in rows
        if f"{one.first}" <= row["day"] <= f"{one.last}" and row["value"] is not None
    ]
    layers = [
        _shaded([one for one in shades if _concerns(one, surface.name, metric)], figures.span),
        _limit(None if limit is None else limit / scale),
        _line(rows, "%" if metric == "ctr" else "~g", top, _days(*figures.span, figures.span)),
        _weeks([one for one in mine if one.weekly], figures.span),
        _points(breaches),
    ]
    return inline(alt.layer(*layers).properties(**_PANEL), f"{metric}-{surface.name}")


def served(place: Place, metric: ServedMetric, limit: float | None, alarms: Sequence[Alarm]) -> str:
    """A place's metric per day from 0 to 1, its limit, and the days on which an alert fired."""
    rows: list[Row] = [
        {"day": f"{day}", "value": getattr(place.of(day), metric)} for day in place.days
    ]
    mine = [one for one in alarms if one.surface == place.name and one.metric == metric]
    breaches = [
        row for row in rows if any(f"{one.first}" <= row["day"] <= f"{one.last}" for one in mine)
    ]
    form = "%" if metric == "personalized_impression_rate" else "~g"
    days = _days(*place.span, place.span)
    layers = [_limit(limit), _line(rows, form, 1, days), _points(breaches)]
    return inline(alt.layer(*layers).properties(**_PANEL), f"{metric}-{_id(place)}")


def moments(place: Place, limit: float | None) -> str:
    """The share of personalized items by five minutes, from midnight to midnight UTC."""
    rows: list[Row] = [
        {"day": f"{start:%Y-%m-%dT%H:%M:%SZ}", "value": value} for start, value in place.moments
    ]
    day = {
        "first": f"{place.drawn_day}T00:00:00Z",
        "last": f"{place.drawn_day + DAY}T00:00:00Z",
    }
    layers = [_limit(limit), _line(rows, "%", 1, day, "%H:%M")]
    return inline(alt.layer(*layers).properties(**_PANEL), f"moments-{_id(place)}")


def funnel(rows: Sequence[FunnelRow], part: str, whole: str) -> str:
    """A rate of the funnel by surface, as labelled bars."""
    values = [
        {"surface": row.surface, "rate": getattr(row, part) / getattr(row, whole)}
        for row in rows
        if getattr(row, whole)
    ]
    order = [row.surface for row in rows]
    base = chart_of(values).encode(
        y=alt.Y("surface:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False)),
        x=alt.X("rate:Q", title=None, axis=None, scale=alt.Scale(domain=[0, _most(values) * 1.2])),
    )
    bars = base.mark_bar(color=SERIES, height=14, cornerRadiusEnd=2, aria=False)
    text = base.mark_text(align="left", dx=5, color=INK, fontSize=11, aria=False)
    labelled = text.encode(text=alt.Text("rate:Q", format=".1%"))
    return inline((bars + labelled).properties(width=260, height=150), f"funnel-{part}")


def histogram(one: Histogram) -> str:
    """Shares of dwells by bucket; where there are two spans of days, side by side."""
    values = [{"days": bar.days, "bucket": bar.bucket, "share": bar.share} for bar in one.bars]
    spans = list(one.spans)
    colors = [BEFORE, SERIES][-len(spans) :]
    chart = (
        chart_of(values)
        .mark_bar(cornerRadiusEnd=2, aria=False)
        .encode(
            x=alt.X("bucket:N", sort=list(one.buckets), title="dwell", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("days:N", sort=spans),
            y=alt.Y("share:Q", title="share of dwells", axis=alt.Axis(format="%", tickCount=4)),
            color=alt.Color(
                "days:N",
                sort=spans,
                scale=alt.Scale(domain=spans, range=colors),
                legend=None,
            ),
        )
    )
    return inline(chart.properties(width=760, height=190), "histogram")


def _line(
    rows: Sequence[Row], form: str, top: float, days: Row, ticks: str = "%-d %b"
) -> alt.Chart:
    chart: alt.Chart = (
        chart_of(rows)
        .mark_line(color=SERIES, strokeWidth=1.6, strokeJoin="round", aria=False)
        .encode(
            x=alt.X(
                "day:T",
                scale=alt.Scale(type="utc", domain=[days["first"], days["last"]]),
                title=None,
                axis=alt.Axis(format=ticks, tickCount=5, labelFlush=True, grid=False),
            ),
            y=alt.Y(
                "value:Q",
                title=None,
                scale=alt.Scale(domain=[0, top]),
                axis=alt.Axis(format=form, tickCount=3),
            ),
        )
    )
    return chart


def _shaded(shades: Sequence[Shade], span: tuple[date, date]) -> alt.Chart:
    values = [_days(one.first, one.last, span) for one in shades]
    chart: alt.Chart = (
        chart_of(values)
        .mark_rect(color=SHADE, opacity=1, aria=False)
        .encode(x=alt.X("first:T", scale=alt.Scale(type="utc")), x2="last:T")
    )
    return chart


def _weeks(alarms: Sequence[Alarm], span: tuple[date, date]) -> alt.Chart:
    """A bar on the bottom of the panel over the weeks that an alarm is about."""
    values = [_days(one.first, one.last, span) for one in alarms]
    chart: alt.Chart = (
        chart_of(values)
        .mark_rule(color=ALARM, strokeWidth=5, aria=False)
        .encode(
            x=alt.X("first:T", scale=alt.Scale(type="utc")),
            x2="last:T",
            y=alt.value(_PANEL["height"] - 3),
        )
    )
    return chart


def _points(rows: Sequence[Row]) -> alt.Chart:
    chart: alt.Chart = (
        chart_of(rows)
        .mark_point(color=ALARM, filled=True, size=38, opacity=1, aria=False)
        .encode(x=alt.X("day:T", scale=alt.Scale(type="utc")), y="value:Q")
    )
    return chart


def _limit(value: float | None) -> alt.Chart:
    values = [] if value is None else [{"value": value}]
    chart: alt.Chart = (
        chart_of(values)
        .mark_rule(color=LIMIT, strokeDash=[4, 3], strokeWidth=1, aria=False)
        .encode(y="value:Q")
    )
    return chart


def _days(first: date, last: date, span: tuple[date, date]) -> Row:
    """From noon to noon around the days, as points lie, within what the panel shows."""
    start, end = max(first, span[0]), min(last, span[1])
    return {"first": f"{start - DAY}T12:00:00Z", "last": f"{end}T12:00:00Z"}


def _id(place: Place) -> str:
    """A shop is named by its data, with whatever letters."""
    return place.name.encode().hex()


def _concerns(shade: Shade, surface: str, metric: Metric) -> bool:
    return shade.surface in {None, surface} and shade.metric in {None, metric}


def _top(figures: Figures, metric: Metric) -> float:
    """One scale for all surfaces, so that panels can be compared."""
    values = [
        getattr(figures.of(surface.name, day), metric) or 0
        for surface in figures.surfaces
        for day in figures.days
    ]
    return 1.05 * max(values, default=0) or 1


def _most(values: Sequence[Row]) -> float:
    return max((row["rate"] for row in values), default=0) or 1
