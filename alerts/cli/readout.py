"""`recwatch readout`: the whole decision about an experiment. Also what its neighbours share."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli.options import Where, guardrails_option, json_option, warehouse_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerts.experiments.evidence import Evidence
    from alerts.experiments.guardrail_file import GuardrailFile
    from alerts.experiments.readout import Readout


def day(_: click.Context, __: click.Parameter, text: str | None) -> date | None:
    """A day, written 2025-03-10."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}: write 2025-03-10") from None


def between(low: float, high: float) -> Callable[..., float | None]:
    """A callback for a number between two others, both excluded."""

    def check(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
        if value is not None and not low < value < high:
            raise click.BadParameter(f"{value:g}: must be between {low:g} and {high:g}")
        return value

    return check


as_of_option = click.option(
    "--as-of",
    metavar="DAY",
    callback=day,
    help="As it was at the end of this day instead of the marts' last one.",
)
alpha_option = click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    callback=between(0, 1),
    help="Level of tests and intervals.",
)


@click.command("readout")
@click.argument("experiment")
@as_of_option
@alpha_option
@click.option(
    "--lift",
    type=float,
    default=0.03,
    show_default=True,
    callback=between(0, 100),
    help="Relative lift that the power is given for.",
)
@click.option("--looks", is_flag=True, help="Also show each day: what daily looks would say.")
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw the lifts into this file.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write all of it into this file, as a page with pictures.",
)
@guardrails_option
@json_option
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    experiment: str,
    as_of: date | None,
    alpha: float,
    lift: float,
    looks: bool,
    svg: Path | None,
    html: Path | None,
    guardrails: Path | None,
    as_json: bool,
) -> None:
    """The whole decision about EXPERIMENT.

    Whether it is sound, how far it has come, every metric and guardrail, segments, and at the end
    one recommendation: ship, roll back, keep running, or invalid. Success is decided once, on the
    day planned for it; harm on any day.
    """
    readout = read(
        where,
        experiment,
        as_of,
        guardrails,
        alpha=alpha,
        lift=lift,
        looks=looks or html is not None,
    )
    if svg is not None:
        # Altair takes a second to import: only those who draw pay for it.
        from alerts.readout.chart import draw  # noqa: PLC0415
        from alerts.report.file import write_whole  # noqa: PLC0415

        write_whole(svg, draw(readout))
    if html is not None:
        from alerts.readout.page import render  # noqa: PLC0415
        from alerts.report.file import write_whole  # noqa: PLC0415

        write_whole(html, render(readout))
    if not looks:
        readout = replace(readout, looks=None)
    if as_json:
        from alerts.readout.document import readout_document  # noqa: PLC0415

        print_json(readout_document(readout))
    else:
        from alerts.readout.show import show  # noqa: PLC0415

        show(readout)


def read(  # noqa: PLR0913 - one for each option
    where: Where,
    experiment: str,
    as_of: date | None,
    file: Path | None,
    *,
    alpha: float,
    lift: float = 0.03,
    looks: bool = False,
) -> Readout:
    """The readout of an experiment, from the marts of the target."""
    from alerts.experiments.guardrail_file import load_guardrails  # noqa: PLC0415
    from alerts.experiments.readout import read_out  # noqa: PLC0415

    guardrails = load_guardrails(file)
    evidence = gather(where, experiment, as_of, guardrails, looks=looks)
    return read_out(evidence, guardrails.settings(experiment), alpha=alpha, lift=lift)


def gather(  # noqa: PLR0913 - what is read of the marts, and whether
    where: Where,
    experiment: str,
    as_of: date | None,
    guardrails: GuardrailFile,
    *,
    moments: bool = True,
    looks: bool = False,
) -> Evidence:
    """What the marts of the target say of an experiment."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from alerts.experiments.horizon import MIN_DURATION_DAYS  # noqa: PLC0415
    from alerts.runner.experiments import Marts  # noqa: PLC0415

    project = where.project()
    zone = ZoneInfo(project.reporting_timezone)
    days = guardrails.settings(experiment).min_duration_days or MIN_DURATION_DAYS
    with closing(where.open(project)) as warehouse:
        marts = Marts(warehouse, experiment, project.schema_prefix)
        return marts.evidence(as_of, days, zone, moments=moments, looks=looks)


def print_json(document: Mapping[str, Any]) -> None:
    """A document on stdout."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=True))
