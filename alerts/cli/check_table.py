"""The table of `recwatch check`: what is not fine, and a line that counts the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from alerts.notify.text import one_line
from alerts.runner.compose import shown
from alerts.runner.document import ordered
from alerts.terminal import console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.runner import Evaluation, Result
    from alerts.runner.watch import Watch

STYLES = {
    "firing": "bold red",
    "error": "bold magenta",
    "no_data": "magenta",
    "invalid": "magenta",
    "recovering": "yellow",
    "pending": "yellow",
    "too_few": "cyan",
}


def print_found(found: Watch) -> None:
    """A row for each series that is not fine, then a summary."""
    wanting = [one for one in ordered(found.evaluation.results) if one.state != "ok"]
    if wanting:
        quiet = found.telling.suppressed.reasons
        console().print(_table(wanting, quiet))
    click.echo(_summary(found.evaluation))


def _table(results: Sequence[Result], quiet: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("State", "Severity", "Rule", "Labels", "Bucket", "Since"):
        table.add_column(name, no_wrap=name in {"State", "Severity"}, overflow="fold")
    table.add_column("Why", overflow="fold", ratio=1)
    for one in results:
        labels = ", ".join(f"{name}={value}" for name, value in one.labels)
        why = one.reason
        if one.fingerprint in quiet:
            why = f"{why} [{quiet[one.fingerprint]}]"
        cells = (one.severity, one.rule, labels, shown(one.bucket), shown(one.since), why)
        state = Text(one.state, style=STYLES[one.state])
        # Text, not markup: a label may hold brackets.
        table.add_row(state, *(Text(one_line(cell)) for cell in cells))
    return table


def _summary(evaluation: Evaluation) -> str:
    """How many series are in which state, those that are fine by rule, and rules without any."""
    states: Counter[str] = Counter(one.state for one in evaluation.results)
    fine = Counter(one.rule for one in evaluation.results if one.state == "ok")
    counts = ", ".join(f"{states[state]} {state}" for state in (*STYLES, "ok") if states[state])
    by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(fine.items()))
    text = f"{counts} ({by_rule})." if by_rule else f"{counts or 'No series to judge'}."
    missing = len(evaluation.unjudged)
    if not missing:
        return text
    return f"{text} {missing} rule{'' if missing == 1 else 's'} not judged: see the warnings."
