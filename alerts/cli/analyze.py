"""`recwatch analyze`: an experiment that is in a file rather than in the warehouse."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli.options import json_option
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from alerts.analyze.collect import Collected, Measure, Request
    from alerts.analyze.judge import Judged
    from alerts.analyze.table import Table

# Not a terminal, no width: wide enough for a row to stay one.
_WIDTH = 180


@click.command("analyze")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--variation", required=True, metavar="COL", help="Column with the arm.")
@click.option("--control", required=True, metavar="NAME", help="The arm to compare with.")
@click.option("--unit", required=True, metavar="COL", help="Column with what was randomized.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    required=True,
    metavar="COL[/COL]",
    help="A mean per unit, or a ratio of two sums; repeatable.",
)
@click.option(
    "--covariate",
    "covariates",
    multiple=True,
    metavar="COL[/COL]",
    help="For CUPED, from before the experiment: one for all metrics, or one for each in turn.",
)
@click.option("--stratum", metavar="COL", help="Segment known before: post-stratifies.")
@click.option("--weights", metavar="A:W,B:W", help="Planned weights.  [default: all the same]")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Of the intervals.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    file: Path,
    variation: str,
    control: str,
    unit: str,
    metrics: tuple[str, ...],
    covariates: tuple[str, ...],
    stratum: str | None,
    weights: str | None,
    alpha: float,
    as_json: bool,
) -> None:
    """Analyse the experiment in FILE: CSV (also .gz) or Parquet, one row or many per unit.

    Rows of a unit are added up first. A metric COL is a mean per unit (Welch), COL/COL a ratio
    (delta method); true and false count as 1 and 0, a missing value as 0. The file may be larger
    than memory.
    """
    from alerts.analyze.collect import Request, collect  # noqa: PLC0415 - `--help` needs no scipy
    from alerts.analyze.document import document  # noqa: PLC0415
    from alerts.analyze.judge import judge  # noqa: PLC0415
    from alerts.analyze.show import notes  # noqa: PLC0415
    from alerts.analyze.table import open_table  # noqa: PLC0415

    if not 0 < alpha < 1:
        raise ConfigurationError(f"--alpha {alpha:g}: must be between 0 and 1")
    planned = None if weights is None else _weights(weights)
    with open_table(file) as table:
        measures = _measures("--metric", metrics, table)
        before = _measures("--covariate", covariates, table)
        request = Request(unit, variation, stratum, measures, _for_each(measures, before))
        collected = collect(table, request)
    judged = judge(request, collected, control, planned, alpha)
    told = notes(request, collected)
    if as_json:
        content = document(str(file), request, collected, judged, told)
        click.echo(json.dumps(content, indent=2, allow_nan=False))
    else:
        _print(str(file), request, collected, judged, told)


def _measures(flag: str, texts: tuple[str, ...], table: Table) -> tuple[Measure, ...]:
    from alerts.analyze.collect import Measure  # noqa: PLC0415

    twice = [text for text in dict.fromkeys(texts) if texts.count(text) > 1]
    if twice and flag == "--metric":
        raise ConfigurationError(f"{flag} {twice[0]}: named twice")
    names = [column.name for column in table.columns]
    return tuple(Measure.parse(text, flag, names) for text in texts)


def _for_each(
    metrics: tuple[Measure, ...], covariates: tuple[Measure, ...]
) -> tuple[Measure | None, ...]:
    if not covariates:
        return (None,) * len(metrics)
    if len(covariates) == 1:
        return covariates * len(metrics)
    if len(covariates) != len(metrics):
        raise ConfigurationError(
            f"--covariate: {len(covariates)} for {len(metrics)} metrics: one for all, or one each"
        )
    return covariates


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, colon, number = part.rpartition(":")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not (name and colon and math.isfinite(weight) and weight >= 0):
            raise ConfigurationError(f"--weights: {part!r}: write NAME:WEIGHT, as in a:0.5,b:0.5")
        if name in weights:
            raise ConfigurationError(f"--weights: {name} stands twice")
        weights[name] = weight
    if not any(weights.values()):
        raise ConfigurationError("--weights: all are 0")
    return weights


def _print(
    file: str, request: Request, collected: Collected, judged: Judged, notes: list[str]
) -> None:
    from rich.console import Console  # noqa: PLC0415

    from alerts.analyze import show  # noqa: PLC0415

    click.echo(show.heading(file, request, collected, judged))
    for note in notes:
        click.echo(f"  {note}")
    click.echo()
    for line in show.sample_ratio(judged):
        click.echo(line)
    click.echo()
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(show.comparisons(judged))
    click.echo()
    for line in show.remarks(judged):
        click.echo(line)
    count = len(judged.comparisons)
    if count > 1:
        click.echo(f"Holm: over {count} comparisons of each method.")
