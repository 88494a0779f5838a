"""What the demo found, for people: tables for the terminal, in words the report uses too."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
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
_WIDTH = 200


def expected(finding: Finding) -> str:
    """The rules that watch it, or why they cannot see it, or that none does."""
    names = ", ".join(rule.name for rule in finding.rules)
    return names or finding.hindered or "no shipped rule covers it"


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
    missed = f"MISSED: {finding.instead}" if finding.instead else "MISSED"
    return ", ".join(texts) or missed


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
    if covered:
        text = f"{len(covered) - len(missed)} of {len(covered)} incidents that a rule covers found"
        yield f"\n{text}{': MISSED ' + ', '.join(missed) if missed else ''}."
    else:
        yield "\nNo incident that a rule covers fits into so few days."
    yield f"False alarms: {len(comparison.false_alarms) or 'none'}."
    for episode in comparison.false_alarms:
        yield f"  FALSE ALARM {alarm_line(episode)}"
    if comparison.differences:
        yield "Rows by what became of them are NOT as planted:"
        yield from (f"  {difference}" for difference in comparison.differences)
    else:
        yield "Rows by what became of them: every count as planted."


def print_alerts(outcome: Outcome, echo: Callable[[str], None]) -> None:
    """What fires at the end of the data, as the console receiver shows it."""
    count = len(outcome.evaluation.firing)
    what = {0: "nothing fires", 1: "1 alert fires"}.get(count, f"{count} alerts fire")
    echo(f"\nAt the end of the data {what}{':' if count else '.'}")
    for one in outcome.messages:
        echo(f"\n{render(one.message)}")


def print_ending(place: Place, outcome: Outcome, echo: Callable[[str], None]) -> None:
    """Where the report lies, and three commands to try next."""
    total = sum(outcome.seconds.values())
    echo(f"\nThe report, {total:.0f} s after the start: {place.report}")
    echo("\nTry next:")
    for command, what in next_steps(outcome.comparison):
        echo(f"  {command}\n      {what}")


def next_steps(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """Three commands that work now, each with what it does."""
    past = _past_day(comparison)
    chosen = f" --rule {past.rule} --as-of {shown(past.last + DAY)}" if past else ""
    return (
        (_runnable("recwatch", "check"), "the rules, as a cron job would run them"),
        (
            _runnable("recwatch", f"check{chosen} --json"),
            "one rule on a day when it fired, as JSON" if past else "the same as JSON",
        ),
        (_runnable("dbt", "build"), "the marts again: only what is new"),
    )


def _past_day(comparison: Comparison) -> Episode | None:
    """An episode of a rule on days that is over; it fires for whoever asks as of its last day."""
    for finding in comparison.findings:
        by_day = {rule.name for rule in finding.rules if MARTS[rule.mart].bucket == DAY}
        for episode in finding.episodes:
            if episode.rule in by_day and not episode.open:
                return episode
    return None


def _runnable(program: str, arguments: str) -> str:
    """The command as it can be typed here: with its path where the environment is not active."""
    ours = Path(sys.executable).parent / program
    found_first = shutil.which(program)
    if found_first is None or Path(found_first).resolve() != ours.resolve():
        here = Path.cwd()
        program = str(ours.relative_to(here) if ours.is_relative_to(here) else ours)
    return f"{program} {arguments}"


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
