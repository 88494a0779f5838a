"""A backtest for people: tables for the terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from alerts.backtest.run import by_kind
from alerts.detectors.sentences import shown
from alerts.rules.marts import DAY, HOUR
from alerts.runner.compose import title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from alerts.backtest.run import Backtest, Record
    from alerts.backtest.score import Caught, Score
    from alerts.runner import Episode

# Not a terminal, no width: wide enough for most rows to stay one line.
_WIDTH = 200
_MINUTE = timedelta(minutes=1)


def print_backtest(found: Backtest, echo: Callable[[str], None]) -> None:
    """The rules, then, where the truth is known, the incidents and the score."""
    from alerts import terminal  # noqa: PLC0415 - not needed for --json

    console = terminal.console(_WIDTH)
    echo(f"{found.span.start:%Y-%m-%d} to {found.span.end:%Y-%m-%d}, as it would have been sent:\n")
    console.print(_rules(found))
    if found.score is not None:
        echo("")
        console.print(_incidents(found.score))
    echo("")
    for text in verdicts(found):
        echo(text)


def verdicts(found: Backtest) -> Iterator[str]:
    """The backtest in sentences."""
    messages = sum(record.messages.total for record in found.records)
    episodes = sum(len(record.episodes) for record in found.records)
    yield (
        f"{_count(episodes, 'episode')} and {_count(messages, 'message')} in "
        f"{found.span.length // DAY} days, over {found.years:.1f} series-years."
    )
    for record in found.records:
        if record.is_above_budget:
            what = "episodes" if record.false is None else "false episodes"
            yield (
                f"{record.rule.name}: {record.per_30d:.1f} {what} in 30 days, above its "
                f"max_false_per_30d of {record.rule.max_false_per_30d:g}."
            )
    if found.score is not None:
        yield from _scored(found, found.score)
    yield from found.remarks


def _scored(found: Backtest, score: Score) -> Iterator[str]:
    covered, missed = score.covered, score.missed
    if score.recall is not None:
        kinds = ", ".join(f"{kind} {one} of {all_}" for kind, (one, all_) in by_kind(score).items())
        yield (
            f"Recall {score.recall:.1%}: {len(covered) - len(missed)} of "
            f"{_count(len(covered), 'incident')} that rules watch ({kinds})."
        )
    for one in missed:
        yield f"  MISSED {one.incident.id}: {one.incident.sentence}"
    uncovered = [one.incident.id for one in score.caught if not one.rules]
    if uncovered:
        yield f"No rule watches {', '.join(uncovered)}."
    if score.precision is not None:
        yield f"Precision {score.precision:.1%}: {len(score.true)} episodes have a cause."
    yield (
        f"False episodes: {len(score.false)}, which is {found.false_per_year or 0:.2f} per "
        "series and year."
    )
    yield from (f"  FALSE {episode_line(one)}" for one in score.false)
    delays = sorted(one.delay for one in covered if one.delay is not None)
    if delays:
        middle = delays[len(delays) // 2]
        yield f"Delay: {duration(middle)} in the middle, {duration(delays[-1])} at most."


def episode_line(episode: Episode) -> str:
    """One episode: rule and labels, when it fired, until when it lasted."""
    until = "on, still open" if episode.open else f"to {shown(episode.last)}"
    return f"{title(episode.rule, episode.labels)} fired {shown(episode.fired)} {until}"


def duration(length: timedelta) -> str:
    """`35 min`, `1.5 h`, `2 d`: rounded to what is worth reading."""
    if abs(length) < HOUR:
        return f"{length / _MINUTE:.0f} min"
    if abs(length) < DAY:
        return f"{length / HOUR:.1f} h"
    return f"{length / DAY:.1f} d"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _rules(found: Backtest) -> Table:
    names = ["Rule", "Severity", "To", "Series", "Episodes", "Days firing", "Messages"]
    names += ["first+again+resolved"]
    names += ["False", "False in 30 d"] if found.score is not None else ["In 30 d"]
    table = _table(*names, "Budget")
    for record in found.records:
        table.add_row(*_rule_cells(record), style="yellow" if record.is_above_budget else None)
    return table


def _rule_cells(record: Record) -> Iterator[str]:
    rule, messages = record.rule, record.messages
    yield rule.name
    yield rule.severity
    yield ", ".join(rule.receivers) or "by routes"
    yield str(record.series)
    yield str(len(record.episodes))
    yield str(record.days_firing)
    yield str(messages.total)
    yield f"{messages.firing}+{messages.repeated}+{messages.resolved}"
    if record.false is not None:
        yield str(len(record.false))
    yield f"{record.per_30d:.1f}"
    yield f"{rule.max_false_per_30d:g}"


def _incidents(score: Score) -> Table:
    from rich.text import Text  # noqa: PLC0415

    table = _table("Incident", "Kind", "Surface", "When", "Told after", "By")
    for one in score.caught:
        incident = one.incident
        cells = (incident.id, incident.kind, incident.surface or "all", incident.days)
        told = duration(one.delay) if one.delay is not None else ""
        table.add_row(*map(Text, (*cells, told)), _found(one))
    return table


def _found(one: Caught) -> str:
    if not one.rules:
        return "[dim]no rule watches it[/dim]"
    return ", ".join(one.found_by) if one.is_found else "[bold red]MISSED[/bold red]"


def _table(*names: str) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table
