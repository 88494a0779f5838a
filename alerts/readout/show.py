"""A readout as a product manager reads it: is it sound, how far is it, what moved, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts import terminal
from alerts.readout import cells, words
from alerts.readout.looks import compared, look_notes, metric_listing, split_by_day
from alerts.readout.split import health_lines, split_lines, split_listing
from alerts.readout.tables import STYLES, cuts_listing, guardrails_listing, metrics_listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console
    from rich.table import Table

    from alerts.experiments.readout import Readout


def show(readout: Readout, console: Console | None = None) -> None:
    """Prints it."""
    out = console or terminal.console()
    out.print(Text(f"{words.title(readout)}\n{words.details(readout)}", "bold"))
    if readout.evidence.today:
        out.print()
        out.print(cells.table(*split_listing(readout.evidence)))
        for line in (*split_lines(readout.split), *health_lines(readout.evidence)):
            out.print(Text(line))
    for part in _figures(readout):
        out.print()
        out.print(part)
    out.print()
    for text in _closing(readout):
        out.print(text)


def _figures(readout: Readout) -> Iterator[Table | Text]:
    if readout.schedule is None or not readout.comparisons:
        return
    yield from _lines(words.progress(readout))
    yield cells.table(*metrics_listing(readout))
    yield from _lines(words.beside(readout))
    if readout.guardrails:
        yield cells.table(*guardrails_listing(readout))
        yield from _lines(dict.fromkeys(words.guardrail_notes(readout)))
    if words.shown_cuts(readout):
        yield cells.table(*cuts_listing(readout))
        yield from _lines(words.cut_notes(readout))
    for metric, arm in compared(readout):
        yield cells.table(*metric_listing(readout, metric, arm))
    yield from _lines(look_notes(readout))
    if readout.looks:
        yield cells.table(*split_by_day(readout.looks))


def _lines(sentences: Iterable[str]) -> Iterator[Text]:
    """Sentences below each other; nothing where there is none."""
    text = "\n".join(sentences)
    if text:
        yield Text(text)


def _closing(readout: Readout) -> Iterator[Text]:
    recommended = readout.recommendation
    until = f" until {recommended.until}" if recommended.until else ""
    text = Text("Recommendation: ")
    text.append(f"{recommended.text}{until}", STYLES[recommended.action])
    yield text
    for reason in words.reasons(readout):
        yield Text(f"  {reason}")
    for line in words.advice(readout):
        yield Text(f"  What to do: {line}")
