"""`recwatch backtest`: what each rule would have sent over a past range."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.cli.options import (
    Where,
    guardrails_option,
    json_option,
    named_guardrails,
    rules_option,
    warehouse_options,
)
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from alerts.backtest.run import Backtest
    from alerts.backtest.truth import Incident
    from alerts.experiments.guardrail_file import GuardrailFile
    from alerts.rules import RuleSet

_DATE = click.DateTime(["%Y-%m-%d"])


@click.command("backtest")
@click.option("--from", "first", type=_DATE, required=True, help="The first day.")
@click.option(
    "--to",
    "until",
    type=_DATE,
    required=True,
    help="The day after the last: what would be seen on its morning, as `check --as-of`.",
)
@rules_option
@click.option(
    "--rule",
    "chosen",
    multiple=True,
    metavar="NAME|NEW.yml",
    help="Only this rule, or the rules of a file that is not enabled yet; repeatable.",
)
@guardrails_option
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The truth.json of `recwatch simulate`: what was planted.",
)
@json_option
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a picture of the episodes, and of the incidents where the truth is known.",
)
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    first: dt.datetime,
    until: dt.datetime,
    files: tuple[Path, ...],
    chosen: tuple[str, ...],
    guardrails: Path | None,
    truth: Path | None,
    as_json: bool,
    svg: Path | None,
) -> None:
    """Tell what each rule would have sent over a past range; nothing is sent.

    Every bucket is judged by what lies before it, as the marts have it now. With --truth it is
    also told which of the planted incidents were found, how late, and what fired without a cause.
    """
    # Imported late: `--help` needs none of these.
    from alerts.backtest.document import document  # noqa: PLC0415
    from alerts.backtest.show import print_backtest  # noqa: PLC0415

    rules = _rules(files, chosen)
    named = named_guardrails(guardrails)
    incidents = None if truth is None else _incidents(truth)
    found = _backtest(where, rules, named, (first.date(), until.date()), incidents)
    if svg is not None:
        # Altair takes a second to import: only those who draw pay for it.
        from alerts.backtest.chart import draw  # noqa: PLC0415
        from alerts.report.file import write_whole  # noqa: PLC0415

        write_whole(svg, draw(found))
    if as_json:
        click.echo(json.dumps(document(found), indent=2, allow_nan=False))
    else:
        print_backtest(found, click.echo)


def _rules(files: tuple[Path, ...], chosen: Sequence[str]) -> RuleSet:
    """The named rules and those of the new files, beside the receivers of all files."""
    from alerts.rules import DEFAULT_RULES, load_rules  # noqa: PLC0415

    known = list(files or [DEFAULT_RULES])
    new = [Path(one) for one in chosen if one.endswith((".yml", ".yaml"))]
    names = [one for one in chosen if not one.endswith((".yml", ".yaml"))]
    if not new:
        return load_rules(known).only(names)
    enabled = {rule.name for rule in load_rules(known).rules}
    every = load_rules([*known, *new])
    tried = [rule.name for rule in every.rules if rule.name not in enabled]
    if not tried and not names:
        raise ConfigurationError(f"{', '.join(map(str, new))}: no rule in it")
    return every.only([*names, *tried])


def _incidents(path: Path) -> Sequence[Incident]:
    from alerts.backtest.truth import read_truth  # noqa: PLC0415

    try:
        return read_truth(path).incidents
    except OSError as error:
        raise ConfigurationError(f"--truth {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"--truth {path}: not a truth.json as `recwatch simulate` writes it"
        ) from None


def _backtest(
    where: Where,
    rules: RuleSet,
    guardrails: GuardrailFile | None,
    span: tuple[dt.date, dt.date],
    incidents: Sequence[Incident] | None,
) -> Backtest:
    from alerts.backtest.run import backtest  # noqa: PLC0415
    from alerts.runner import Settings  # noqa: PLC0415

    project = where.project()
    settings = Settings(
        prefix=project.schema_prefix,
        timezone=project.reporting_timezone,
        guardrails=guardrails,
    )
    with closing(where.open(project)) as warehouse:
        return backtest(rules.rules, warehouse, span, settings, incidents)
