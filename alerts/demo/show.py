"""What the demo found, for people: tables for the terminal, in words the report uses too."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from alerts.notify.console import render
from alerts.rules.marts import DAY, MARTS
from alerts.runner.compose import shown, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from alerts.demo.compare import Comparison, Finding
    from alerts.demo.place import Place
    from alerts.demo.run import Outcome
    from alerts.runner import Episode

# Not a terminal, no width: wide enough for most rows to stay one line.
_WIDTH = 160


def expected(finding: Finding) -> str:
    """The rules that watch it, or that none does."""
    return ", ".join(rule.name for rule in finding.rules) or "no shipped rule covers it"


def found(finding: Finding) -> str:
    """What fired first and when, by rule; what shows it where no rule covers it."""
    if not finding.rules:
        return finding.instead
    texts: list[str] = []
    for rule in finding.rules:
        fired = [episode.fired for episode in finding.episodes if episode.rule == rule.name]
        if fired:
            week = "week of " if MARTS[rule.mart].bucket > DAY else ""
            texts.append(f"{rule.name} {week}{shown(min(fired))}")
    return ", ".join(texts) or "MISSED"


def surface_of(finding: Finding) -> str:
    """The surface, or that all are touched."""
    return finding.incident.surface or "all"


def alarm_line(episode: Episode) -> str:
    """One episode: rule and labels, from when to when."""
    until = "on, still open" if episode.open else f"to {shown(episode.last)}"
    return f"{title(episode.rule, episode.labels)} from {shown(episode.first)} {until}"


def print_comparison(comparison: Comparison, echo: Callable[[str], None]) -> None:
    """The table of what was planted, then everything that is not as it should be."""
    from rich.console import Console  # noqa: PLC0415 - not needed for --json

    echo("\nPlanted, and found:\n")
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(_table(comparison))
    for text in verdicts(comparison):
        echo(text)


def verdicts(comparison: Comparison) -> Iterator[str]:
    """The comparison in sentences."""
    covered = comparison.covered
    missed = [finding.incident.id for finding in covered if not finding.ok]
    text = f"{len(covered) - len(missed)} of {len(covered)} incidents that a rule covers were found"
    yield f"\n{text}{': MISSED ' + ', '.join(missed) if missed else ''}."
    yield f"False alarms: {len(comparison.false_alarms) or 'none'}."
    for episode in comparison.false_alarms:
        yield f"  FALSE ALARM {alarm_line(episode)}"
    if comparison.differences:
        yield "Rows by what became of them are NOT as planted:"
        yield from (f"  {difference}" for difference in comparison.differences)
    else:
        yield "Rows by what became of them: every count as planted."


def print_ending(place: Place, outcome: Outcome, echo: Callable[[str], None]) -> None:
    """The alerts that fire, where the report lies, and what to try next."""
    count = len(outcome.evaluation.firing)
    echo(f"\nAt the end of the data {count} alert{'' if count == 1 else 's'} fire:")
    for one in outcome.messages:
        echo(f"\n{render(one.message)}")
    total = sum(outcome.seconds.values())
    echo(f"\nThe report, {total:.0f} s after the start: {place.report}")
    echo("\nTry next:")
    for command, what in next_steps():
        echo(f"  {command}\n      {what}")


def next_steps() -> tuple[tuple[str, str], ...]:
    """Three commands that work now, from the project's root."""
    return (
        ("recwatch check", "the rules on the marts, as a cron job would run them"),
        (
            "recwatch check --rule ctr-floor --as-of 2025-05-29 --json",
            "one rule, on an earlier day",
        ),
        ("dbt build", "the marts again, only what is new"),
    )


def _table(comparison: Comparison) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("Incident", "Kind", "Surface", "Days", "Expected from", "Found"):
        table.add_column(name, overflow="fold")
    for finding in comparison.findings:
        incident = finding.incident
        cells = (incident.id, incident.kind, surface_of(finding), incident.days, expected(finding))
        style = ("green" if finding.rules else "yellow") if finding.ok else "bold red"
        table.add_row(*map(Text, cells), Text(found(finding), style=style))
    return table
