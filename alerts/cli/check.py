"""`recwatch check`: evaluate the rules on the marts and deliver what fires."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from alerts.cli.options import Where, warehouse_options
from alerts.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from alerts.rules import RuleSet
    from alerts.runner import Evaluation, Outgoing, Outlets, Result, Sent
    from alerts.warehouse import Target

_STYLES = {
    "firing": "bold red",
    "error": "bold magenta",
    "no_data": "magenta",
    "invalid": "magenta",
    "recovering": "yellow",
    "pending": "yellow",
    "too_few": "cyan",
}
# Not a terminal, no width: wide enough for a log line to stay one.
_WIDTH = 160


def _as_of(_: click.Context, __: click.Parameter, text: str | None) -> date | None:
    """A date, a time or `now`; a time without a zone is UTC."""
    if text is None:
        return None
    if text == "now":
        return datetime.now(UTC)
    for kind in (date, datetime):
        try:
            moment = kind.fromisoformat(text)
        except ValueError:
            continue
        if 1970 <= moment.year < 9000:
            return moment
    raise click.BadParameter(f"{text!r}: write 2025-03-10, 2025-03-10T06:00:00Z or now")


@click.command("check")
@click.option(
    "--rules",
    "files",
    multiple=True,
    envvar="RECWATCH_RULES",
    type=click.Path(path_type=Path),
    help="Rule file; several merge.  [default: the shipped alerts/rules.yml]",
)
@click.option("--rule", "names", multiple=True, metavar="NAME", help="Only this rule; repeatable.")
@click.option(
    "--as-of",
    metavar="TIME",
    callback=_as_of,
    help="Judge as at this date or time (or `now`) instead of at the marts' newest data.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@click.option("--fail-on-firing", is_flag=True, help="Exit with 1 if anything fires.")
@click.option("--strict", is_flag=True, help="A receiver without its secret is an error.")
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    files: tuple[Path, ...],
    names: tuple[str, ...],
    as_of: date | None,
    dry_run: bool,
    as_json: bool,
    fail_on_firing: bool,
    strict: bool,
) -> None:
    """Evaluate the rules on the marts and deliver what fires.

    Only complete buckets (days, weeks, hours, five minutes) are judged: by default those that the
    marts themselves show to be over, with --as-of those that end at that time or before.

    A receiver whose secret is not set writes to the console, with a warning.
    """
    from alerts import rules as rule_files  # noqa: PLC0415 - `--help` needs none of these
    from alerts import runner  # noqa: PLC0415

    rules = rule_files.load_rules(files or [rule_files.DEFAULT_RULES]).only(names)
    echo = partial(_echo, err=as_json)
    outlets = runner.open_receivers(rules, os.environ, echo, strict=strict)
    _warn(outlets.warnings)
    target, evaluation = _evaluate(where, rules, as_of)
    _warn(evaluation.warnings)
    outgoing = runner.decide(evaluation, rules, _flags())
    if not as_json:
        _print_table(evaluation)
    sent = [] if dry_run else runner.deliver(outgoing, outlets.receivers)
    if as_json:
        warnings = [*outlets.warnings, *evaluation.warnings]
        planned = outgoing if dry_run else sent
        _print_document(evaluation, target.name, planned, outlets, warnings)
    elif dry_run:
        _print_planned(outgoing, outlets)
    else:
        _print_sent(sent, outlets)
    _raise_outstanding(sent)
    if fail_on_firing and evaluation.firing:
        click.get_current_context().exit(1)


def _evaluate(where: Where, rules: RuleSet, as_of: date | None) -> tuple[Target, Evaluation]:
    from alerts.runner import Settings, evaluate  # noqa: PLC0415
    from alerts.warehouse import open_warehouse, resolve_target  # noqa: PLC0415

    project = where.project()
    target = resolve_target(project, where.target, where.profiles_dir)
    zone = str(project.variables.get("reporting_timezone") or "UTC")
    settings = Settings(prefix=project.schema_prefix, timezone=zone)
    with closing(open_warehouse(target, read_only=True)) as warehouse:
        return target, evaluate(rules.rules, warehouse, as_of, settings, now=datetime.now(UTC))


def _flags() -> list[str]:
    """The flags of this call that the command in a message needs to give the same."""
    context = click.get_current_context()
    given: list[str] = []
    for name, flag in (
        ("files", "--rules"),
        ("target", "--target"),
        ("profiles_dir", "--profiles-dir"),
        ("project_dir", "--project-dir"),
    ):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value = context.params[name]
            for one in value if isinstance(value, tuple) else (value,):
                given += [flag, str(one)]
    return given


def _echo(text: str, *, err: bool) -> None:
    """A message on the console, an empty line before it; beside JSON on stderr."""
    click.echo(f"\n{text}", err=err)


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"recwatch: warning: {warning}", err=True)


def _print_table(evaluation: Evaluation) -> None:
    from rich.console import Console  # noqa: PLC0415

    from alerts.runner.document import ordered  # noqa: PLC0415

    wanting = [one for one in ordered(evaluation.results) if one.state != "ok"]
    if wanting:
        console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
        console.print(_table(wanting))
    click.echo(_summary(evaluation))


def _table(results: Sequence[Result]) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from alerts.notify.text import one_line  # noqa: PLC0415
    from alerts.runner.compose import shown  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("State", "Severity", "Rule", "Labels", "Bucket", "Since"):
        table.add_column(name, no_wrap=name in {"State", "Severity"}, overflow="fold")
    table.add_column("Why", overflow="fold", ratio=1)
    for one in results:
        labels = ", ".join(f"{name}={value}" for name, value in one.labels)
        cells = (one.severity, one.rule, labels, shown(one.bucket), shown(one.since), one.reason)
        state = Text(one.state, style=_STYLES[one.state])
        # Text, not markup: a label may hold brackets.
        table.add_row(state, *(Text(one_line(cell)) for cell in cells))
    return table


def _summary(evaluation: Evaluation) -> str:
    """How many series are in which state, those that are fine by rule, and rules without any."""
    states: Counter[str] = Counter(one.state for one in evaluation.results)
    fine = Counter(one.rule for one in evaluation.results if one.state == "ok")
    counts = ", ".join(f"{states[state]} {state}" for state in (*_STYLES, "ok") if states[state])
    by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(fine.items()))
    text = f"{counts} ({by_rule})." if by_rule else f"{counts or 'No series to judge'}."
    missing = len(evaluation.unjudged)
    if not missing:
        return text
    return f"{text} {missing} rule{'' if missing == 1 else 's'} not judged: see the warnings."


def _print_planned(outgoing: Sequence[Outgoing], outlets: Outlets) -> None:
    from alerts.notify.console import render  # noqa: PLC0415

    for one in outgoing:
        click.echo(f"\nWould send to {one.receiver} ({outlets.types[one.receiver]}):")
        click.echo(render(one.message))
    if not outgoing:
        click.echo("Nothing would be sent.")


def _print_sent(sent: Sequence[Sent], outlets: Outlets) -> None:
    from alerts.notify.text import one_line  # noqa: PLC0415

    for one in sent:
        kind = outlets.types[one.receiver]
        if kind != "console" and not one.delivery.failed:
            click.echo(f"Sent to {one.receiver} ({kind}): {one_line(one.message.headline)}")


def _print_document(
    evaluation: Evaluation,
    target: str,
    messages: Sequence[Sent] | Sequence[Outgoing],
    outlets: Outlets,
    warnings: Sequence[str],
) -> None:
    from alerts.runner.document import document, notification  # noqa: PLC0415

    notifications = [notification(one, outlets.types) for one in messages]
    content = document(evaluation, target, notifications, warnings)
    click.echo(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=True))


def _raise_outstanding(sent: Sequence[Sent]) -> None:
    """An error for what was not delivered, by receiver, with the first reason."""
    failed: dict[str, list[Sent]] = {}
    for one in sent:
        if one.delivery.failed:
            failed.setdefault(one.receiver, []).append(one)
    if failed:
        lines = [
            f"receiver {name}: {len(those)} not delivered: {those[0].delivery.detail}"
            for name, those in failed.items()
        ]
        raise DeliveryError("\n".join(lines))
