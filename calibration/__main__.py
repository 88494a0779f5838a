"""`python -m calibration`: measures every figure, prints the table, writes docs/calibration.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from calibration.figure import measure
from calibration.table import SPECS, document, line

PAGE = Path(__file__).resolve().parent.parent / "docs" / "calibration.md"


@click.command()
@click.option("--runs", default=20_000, show_default=True, help="Simulated experiments per figure.")
@click.option("--seed", default=20_250_301, show_default=True, help="Of the random numbers.")
@click.option(
    "--processes", default=os.cpu_count() or 1, show_default=True, help="That simulate at once."
)
@click.option("--only", default="", help="Figures whose name contains this; nothing is written.")
def main(runs: int, seed: int, processes: int, only: str) -> None:
    """Measure how often the tests are wrong; exit code 1 when a figure misses its bound."""
    specs = [spec for spec in SPECS if only in spec.name]
    figures = []
    for figure in measure(specs, runs, seed, processes):
        click.echo(line(figure))
        figures.append(figure)
    if not only:
        PAGE.write_text(document(figures), encoding="utf-8")
        click.echo(f"written to {PAGE.name}")
    sys.exit(0 if all(figure.holds for figure in figures) else 1)


if __name__ == "__main__":
    main()
