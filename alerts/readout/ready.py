"""`recwatch experiment ready` as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts import terminal
from alerts.readout import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from alerts.experiments.readiness import Check
    from alerts.experiments.readout import Readout

_STYLES = {"ok": "green", "missing": "bold red", "unknown": "yellow"}


def show_ready(readout: Readout, found: Sequence[Check], console: Console | None = None) -> None:
    """Prints one line per check, and the sum of them."""
    out = console or terminal.console()
    until = f", to the end of {readout.day}" if readout.day else ", before its first day"
    out.print(Text(f"{readout.plan.experiment_key}{until}", "bold"))
    out.print()
    rows = [(Text(one.state, _STYLES[one.state]), one.check, one.said, one.todo) for one in found]
    out.print(cells.table("", ("State", "Check", "Found", "What to do"), rows))
    out.print()
    out.print(Text(summary(found)))


def summary(found: Sequence[Check]) -> str:
    """How many are in which state."""
    states: list[str] = [one.state for one in found]
    counts = [f"{states.count(state)} {state}" for state in _STYLES if state in states]
    verdict = "Ready" if set(states) == {"ok"} else "Not ready"
    return f"{verdict}: {', '.join(counts)}."
