"""Figures and findings into one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.report import charts
from alerts.report.file import write_whole
from alerts.report.frame import drawing, render_page
from alerts.report.template import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from alerts.report.content import Content, Metric, ServedMetric
    from alerts.report.figures import Engagement, Figures, Surface

_DASH = "–"  # noqa: RUF001 - a number that is not there


@dataclass(frozen=True)
class _Card:
    """One surface on the last complete day."""

    surface: Surface
    today: Engagement
    coverage: float | None
    firing: tuple[str, ...]

    @property
    def ctr_low(self) -> bool:
        return _below(self.today.ctr, self.surface.min_ctr)

    @property
    def dwell_low(self) -> bool:
        return _below(self.today.avg_dwell_ms, self.surface.min_dwell_ms)


def write_report(path: Path, figures: Figures, content: Content) -> None:
    """Write the page; an earlier one is replaced whole or not at all.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    write_whole(path, render(figures, content))


def render(figures: Figures, content: Content) -> str:
    """The page as text, complete in itself."""
    funnel = figures.funnel
    histogram = figures.histogram
    values = {
        "title": content.title,
        "summary": content.summary,
        "verdicts": [(text, "" if good else "bad") for text, good in content.verdicts],
        "content": content,
        "figures": figures,
        "cards": list(_cards(figures, content)),
        "ctr": list(_panels(figures, content, "ctr")),
        "dwell": list(_panels(figures, content, "avg_dwell_ms")),
        "histogram": drawing(charts.histogram(histogram)) if histogram else None,
        "share": list(_served(figures, content, "personalized_impression_rate")),
        "overlap": list(_served(figures, content, "catalog_overlap_pct")),
        "moments": list(_moments(figures, content)),
        "click_rate": drawing(charts.funnel(funnel, "clicks", "impressions")) if funnel else None,
        "save_rate": drawing(charts.funnel(funnel, "saves", "clicks")) if funnel else None,
    }
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "seconds": seconds,
        "count": count,
        "weekday": weekday,
    }
    return render_page(TEMPLATE, values, filters)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as `7.2 %`."""
    return _DASH if share is None else f"{100 * share:.{digits}f} %"


def seconds(milliseconds: float | None) -> str:
    """A duration as `12.4 s`."""
    return _DASH if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def count(number: int) -> str:
    """A count as `12,345`."""
    return f"{number:,}"


def weekday(day: date) -> str:
    """The English name, whatever the machine's locale."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return names[day.weekday()]


def _cards(figures: Figures, content: Content) -> Iterator[_Card]:
    for surface in figures.surfaces:
        firing = [one.rule for one in content.alarms if one.firing and one.surface == surface.name]
        yield _Card(
            surface,
            figures.of(surface.name, figures.last_day),
            figures.coverage.get(surface.name),
            tuple(dict.fromkeys(firing)),
        )


def _panels(figures: Figures, content: Content, metric: Metric) -> Iterator[tuple[str, str, Any]]:
    """Each surface's name, what its panel shows in words, and the drawing."""
    name = "Click-through rate" if metric == "ctr" else "Mean dwell"
    for surface in figures.surfaces:
        drawn = charts.panel(figures, surface, metric, content.shades, content.alarms)
        label = f"{name} of {surface.name} per day, {figures.days[0]} to {figures.last_day}"
        yield surface.name, label, drawing(drawn)


def _served(
    figures: Figures, content: Content, metric: ServedMetric
) -> Iterator[tuple[str, str, Any]]:
    name = "Personalized share" if metric == "personalized_impression_rate" else "Overlap"
    for place in figures.places:
        drawn = charts.served(place, metric, content.limits.get(metric), content.alarms)
        label = f"{name} of {place.name} per day, {place.days[0]} to {place.days[-1]}"
        yield place.name, label, drawing(drawn)


def _moments(figures: Figures, content: Content) -> Iterator[tuple[str, str, Any]]:
    limit = content.limits.get("personalized_impression_rate")
    for place in figures.places:
        label = f"Personalized share of {place.name} by five minutes on {place.drawn_day}"
        drawn = charts.moments(place, limit)
        yield f"{place.name}, {place.drawn_day}", label, drawing(drawn)


def _below(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value < limit
