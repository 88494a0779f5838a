"""`python -m faults`: measures every promise, prints the table, writes docs/faults.md."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from faults.page import Done, cells, document, measured, sections

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"


@click.command()
@click.option("--small", is_flag=True, help="Small numbers, for a quick look; nothing is written.")
@click.option("--seed", default=20_250_301, show_default=True, help="Of the random numbers.")
@click.option("--only", default="", help="Sections whose name contains this; nothing is written.")
def main(*, small: bool, seed: int, only: str) -> None:
    """Measure what is promised when things go wrong; exit code 1 when a figure fails."""
    chosen = [one for one in sections(small=small) if only in one.name]
    if not chosen:
        names = ", ".join(one.name for one in sections(small=small))
        raise click.BadParameter(f"no section {only!r}: one of {names}", param_hint="--only")
    done: list[Done] = []
    screen = Console(width=None if sys.stdout.isatty() else 160)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        for place, section in enumerate(chosen, start=1):
            task = progress.add_task(f"{place} of {len(chosen)}: {section.name}", total=None)
            one = measured(section, seed)
            done.append(one)
            progress.remove_task(task)
            word = "holds" if one.holds else "FAILS"
            progress.console.print(f"{section.name}: {word} ({one.seconds:.0f} s)", markup=False)
    screen.print(_table(done, seed))
    if not (small or only):
        PAGE.write_text(document(done, seed), encoding="utf-8")
        click.echo(f"written to docs/{PAGE.name}")
    sys.exit(0 if all(one.holds for one in done) else 1)


def _table(done: list[Done], seed: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Promise", "Must be", "Found", "n"):
        table.add_column(name, overflow="fold")
    table.add_column("Seed", justify="right")
    table.add_column("Seconds", justify="right")
    for one in done:
        for row in one.rows:
            style = "" if row.holds else "bold red"
            shown = (*cells(row), f"{seed}", f"{one.seconds:.0f}")
            table.add_row(*(Text(text, style=style) for text in shown))
    return table


# Where processes are forked from imports this module too.
if __name__ == "__main__":
    main()
