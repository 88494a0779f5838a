"""A backtest in one picture: `recwatch backtest --svg FILE`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import altair as alt

from alerts.backtest.matching import fired_at, moment_of
from alerts.backtest.messages import ended_at
from alerts.report.drawing import chart_of, picture
from alerts.rules.marts import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.backtest.run import Backtest

# Told apart without red and green, and in a copy without colours by their lightness.
_COLORS = {
    "incident": "#c9c9c9",
    "incident, missed": "#5a5a5a",
    "episode": "#0b4f8a",
    "episode without a cause": "#d9730d",
}
_ROW = 18
_WIDTH = 760


def draw(found: Backtest) -> str:
    """A line for each kind of incident and for each rule, time from left to right, as SVG."""
    rows = [*_incidents(found), *_episodes(found)]
    span = [_time(found.span.start), _time(found.span.end)]
    chart = (
        chart_of(rows)
        .mark_bar(height=_ROW - 7)
        .encode(
            x=alt.X(
                "start:T",
                scale=alt.Scale(type="utc", domain=span),
                axis=alt.Axis(format="%d %b", title=None),
            ),
            x2="end:T",
            y=alt.Y("line:N", sort=_lines(found), title=None, axis=alt.Axis(labelLimit=260)),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=list(_COLORS), range=list(_COLORS.values())),
                legend=alt.Legend(title=None, orient="top"),
            ),
        )
        .properties(
            title=alt.Title(_title(found), anchor="start"), width=_WIDTH, height=alt.Step(_ROW)
        )
    )
    return picture(chart)


def _lines(found: Backtest) -> list[str]:
    caught = found.score.caught if found.score else ()
    kinds = dict.fromkeys(one.incident.kind for one in caught)
    return [*map(_kind_line, kinds), *(record.rule.name for record in found.records)]


def _kind_line(kind: str) -> str:
    return f"[{kind}]"


def _incidents(found: Backtest) -> Iterator[dict[str, Any]]:
    for one in found.score.caught if found.score else ():
        incident = one.incident
        missed = bool(one.rules) and not one.is_found
        yield _bar(
            found,
            _kind_line(incident.kind),
            (incident.begins, moment_of(incident.over)),
            "incident, missed" if missed else "incident",
        )


def _episodes(found: Backtest) -> Iterator[dict[str, Any]]:
    for record in found.records:
        false = record.false or ()
        for episode in record.episodes:
            is_false = any(episode is one for one in false)
            until = found.span.end if episode.open else ended_at(episode, record.rule)
            yield _bar(
                found,
                record.rule.name,
                (fired_at(episode, record.rule), until),
                "episode without a cause" if is_false else "episode",
            )


def _bar(found: Backtest, line: str, span: tuple[datetime, datetime], what: str) -> dict[str, Any]:
    """A bar that can be seen: one of minutes is drawn as long as half a day."""
    start = min(span[0], found.span.end)
    end = min(max(span[1], start + DAY / 2), found.span.end)
    start = max(min(start, end - timedelta(hours=6)), found.span.start)
    return {"line": line, "start": _time(start), "end": _time(end), "what": what}


def _time(moment: datetime) -> str:
    return moment.isoformat()


def _title(found: Backtest) -> str:
    messages = sum(record.messages.total for record in found.records)
    said = f"{messages:,} messages in {found.span.length // DAY} days"
    if found.score is not None and found.score.recall is not None:
        said += f", recall {found.score.recall:.0%}, {len(found.score.false)} false episodes"
    return said
