"""A readout as a page, for those who would rather look than read: `recwatch readout --html`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from alerts.experiments import wording
from alerts.readout import cells, words
from alerts.readout.chart import draw_inline, intervals
from alerts.readout.look_chart import draw_looks
from alerts.readout.looks import SEQUENCE, compared, metric_listing, of_one, validity
from alerts.readout.page_template import TEMPLATE
from alerts.readout.split import health_lines, split_lines, split_listing
from alerts.readout.tables import (
    STYLES,
    cuts_listing,
    guardrails_listing,
    metrics_listing,
)
from alerts.report.frame import drawing, render_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

    from alerts.experiments.readout import Readout
    from alerts.readout.cells import Listing

# What stands out on the console, as classes of the stylesheet.
_TONES = {"green": "good", "red": "bad", "yellow": "note", "dim": "quiet", "bold": "strong"}


@dataclass(frozen=True)
class _Look:
    """A primary metric in an arm, by day: in words, drawn, and as figures."""

    name: str
    said: str
    drawing: Markup
    listing: Listing


def render(readout: Readout) -> str:
    """The page as text, complete in itself; the readout has its daily looks."""
    lifts = draw_inline(readout)
    recommended = readout.recommendation
    until = f" until {recommended.until}" if recommended.until else ""
    has_figures = readout.schedule is not None and bool(readout.comparisons)
    values: dict[str, Any] = {
        "title": words.title(readout),
        "summary": words.details(readout),
        "verdicts": [(f"{recommended.text}{until}", f"large {_toned(STYLES[recommended.action])}")],
        "key": readout.plan.experiment_key,
        "reasons": words.reasons(readout),
        "advice": words.advice(readout),
        "problems": readout.problems,
        "split": split_listing(readout.evidence) if readout.evidence.today else None,
        "split_lines": [*split_lines(readout.split), *health_lines(readout.evidence)],
        "schedule": readout.schedule if has_figures else None,
        "days": _days(readout),
        "progress": list(words.progress(readout)),
        "lifts": None if lifts is None else drawing(lifts),
        "intervals": _sentence(intervals(readout)),
        "looks": list(_looks(readout)),
        "sequence": SEQUENCE,
        "metrics": metrics_listing(readout) if has_figures else None,
        "beside": list(words.beside(readout)),
        "guardrails": guardrails_listing(readout) if readout.guardrails else None,
        "guardrail_notes": list(dict.fromkeys(words.guardrail_notes(readout))),
        "segments": cuts_listing(readout) if words.shown_cuts(readout) else None,
        "segment_notes": words.cut_notes(readout),
    }
    return render_page(TEMPLATE, values, {"count": wording.count, "tone": _tone})


def _tone(cell: str | Text) -> str:
    """The class of a cell; none where it does not stand out."""
    return _toned(f"{cell.style}") if isinstance(cell, Text) else ""


def _toned(style: str) -> str:
    """The class for a style of the console, such as `bold red`."""
    return _TONES.get(style.rsplit(" ", maxsplit=1)[-1], "")


def _days(readout: Readout) -> tuple[int, int]:
    """Full days so far, and day N or, where nobody knows it, the minimal duration."""
    schedule = readout.schedule
    if schedule is None:
        return 0, 0
    return schedule.full_days, schedule.day_n or round(schedule.min_days)


def _looks(readout: Readout) -> Iterator[_Look]:
    schedule = readout.schedule
    day_n = (schedule.decided_on or schedule.expected_on) if schedule else None
    for place, (metric, arm) in enumerate(compared(readout)):
        found = of_one(readout, metric, arm)
        look, last = found[-1]
        yield _Look(
            name=f"{metric} in {arm}",
            said=f"{look.day}: {cells.lift(last.deciding)} ({validity(readout, look)})",
            drawing=drawing(draw_looks(found, day_n, f"look-{place}")),
            listing=metric_listing(readout, metric, arm),
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
