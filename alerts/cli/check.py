"""`recwatch check`: evaluate the rules on the marts and deliver what has changed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from alerts.cli.options import (
    Where,
    guardrails_option,
    json_option,
    named_guardrails,
    rules_option,
    warehouse_options,
)
from alerts.cli.state import open_store, state_option
from alerts.errors import ConfigurationError, DeliveryError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alerts.notify import Delivery
    from alerts.rules import RuleSet
    from alerts.runner.check import Call
    from alerts.runner.deliver import Report
    from alerts.runner.receivers import Outlets
    from alerts.runner.watch import Watch
    from alerts.state.store import Store


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
@rules_option
@click.option("--rule", "names", multiple=True, metavar="NAME", help="Only this rule; repeatable.")
@click.option(
    "--as-of",
    metavar="TIME",
    callback=_as_of,
    help="Judge as at this date or time (or `now`) instead of at the marts' newest data.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would be sent if nothing had been told before; send and remember nothing.",
)
@json_option
@click.option("--fail-on-firing", is_flag=True, help="Exit with 1 if anything fires.")
@click.option("--strict", is_flag=True, help="A receiver without its secret is an error.")
@click.option("--init-state", is_flag=True, help="Put a damaged state aside and begin a new one.")
@guardrails_option
@state_option
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    state: str | None,
    files: tuple[Path, ...],
    names: tuple[str, ...],
    as_of: date | None,
    dry_run: bool,
    as_json: bool,
    fail_on_firing: bool,
    strict: bool,
    init_state: bool,
    guardrails: Path | None,
) -> None:
    """Evaluate the rules on the marts and deliver what has changed since the last run.

    Only complete buckets (days, weeks, hours, five minutes) are judged: by default those that the
    marts themselves show to be over, with --as-of those that end at that time or before.

    What was told is remembered: an alert is sent when it begins, again while it lasts, and when it
    ends. A receiver whose secret is not set writes to the console, with a warning.
    """
    from alerts import rules as rule_files  # noqa: PLC0415 - `--help` needs none of these
    from alerts.runner import check, open_receivers  # noqa: PLC0415

    if dry_run and init_state:
        raise ConfigurationError("--init-state begins a new state, --dry-run changes nothing")
    rules = rule_files.load_rules(files or [rule_files.DEFAULT_RULES])
    echo = partial(_echo, err=as_json)
    call = replace(_call(where, rules, names, as_of), guardrails=named_guardrails(guardrails))
    printer = _Printer(call, as_json=as_json)
    if dry_run:
        outlets = open_receivers(rules.only(names), os.environ, echo, strict=strict)
        _warn(outlets.warnings)
        found = check.look(call, None)
        printer.planned(found, outlets)
    else:
        with open_store(state, where, "recwatch check", locked=True, init=init_state) as store:
            outlets = _open_outlets(rules, names, store, echo, strict=strict)
            _warn(outlets.warnings)
            found = _run(call, store, outlets, printer)
    if fail_on_firing and found.evaluation.firing:
        click.get_current_context().exit(1)


def _call(where: Where, rules: RuleSet, names: tuple[str, ...], as_of: date | None) -> Call:
    from alerts.runner.check import Call  # noqa: PLC0415
    from alerts.warehouse import resolve_target  # noqa: PLC0415

    rules.only(names)
    project = where.project()
    target = resolve_target(project, where.target, where.profiles_dir)
    now = datetime.now(UTC)
    return Call(rules, names, project, target, os.environ, now, as_of, _flags())


def _open_outlets(
    rules: RuleSet, names: tuple[str, ...], store: Store, echo: partial[None], *, strict: bool
) -> Outlets:
    """The receivers of the rules, and of what earlier runs could not deliver."""
    from alerts.runner import open_receivers  # noqa: PLC0415

    waiting = sorted({one.receiver for one in store.outbox.outstanding()})
    return open_receivers(rules.only(names), os.environ, echo, strict=strict, also=waiting)


def _run(call: Call, store: Store, outlets: Outlets, printer: _Printer) -> Watch:
    """Look, say, tell. What waits is sent even where the marts cannot be read."""
    from alerts.runner import check  # noqa: PLC0415

    try:
        found = check.look(call, store)
    except WarehouseError as error:
        found = check.look_away(call, store, str(error))
        report = check.tell(call, found, store, outlets)
        undelivered = _undelivered(report, check.report_run(call, found, report, outlets))
        raise WarehouseError("\n".join([str(error), *undelivered])) from error
    printer.before(found)
    report = check.tell(call, found, store, outlets)
    watched = check.report_run(call, found, report, outlets)
    printer.after(found, report, outlets)
    if lines := _undelivered(report, watched):
        raise DeliveryError("\n".join(lines))
    return found


class _Printer:
    """What a run prints: a table and messages, or one JSON document at its end."""

    def __init__(self, call: Call, *, as_json: bool) -> None:
        self._call = call
        self._as_json = as_json

    def before(self, found: Watch) -> None:
        """What was found, before anything is sent."""
        from alerts.cli.check_table import print_found  # noqa: PLC0415

        _warn(found.evaluation.warnings)
        _warn(found.advanced.remarks)
        if not self._as_json:
            print_found(found)

    def planned(self, found: Watch, outlets: Outlets) -> None:
        """What a dry run would send."""
        from alerts.notify.console import render  # noqa: PLC0415
        from alerts.runner.document import planned_document  # noqa: PLC0415

        self.before(found)
        if self._as_json:
            planned = [planned_document(one, outlets.types) for one in found.outgoing]
            self._document(found, outlets, planned)
            return
        for one in found.outgoing:
            click.echo(f"\nWould send to {one.receiver} ({outlets.types[one.receiver]}):")
            click.echo(render(one.message))
        if not found.outgoing:
            click.echo("Nothing would be sent.")

    def after(self, found: Watch, report: Report, outlets: Outlets) -> None:
        """What became of the messages."""
        from alerts.notify.text import one_line  # noqa: PLC0415
        from alerts.runner.document import left_document, sent_document  # noqa: PLC0415

        if self._as_json:
            sent = [sent_document(one, outlets.types) for one in report.sent]
            left = [left_document(one, outlets.types) for one in report.left]
            self._document(found, outlets, [*sent, *left])
            return
        for one in report.sent:
            kind = outlets.types.get(one.by, "")
            if kind != "console" and one.waiting.action != "edit":
                headline = one_line(one.waiting.message.headline)
                how = ", as an earlier run had done" if one.found else ""
                click.echo(f"Sent to {one.by} ({kind}){how}: {headline}")

    def _document(
        self, found: Watch, outlets: Outlets, notifications: list[dict[str, object]]
    ) -> None:
        from alerts.runner.document import document  # noqa: PLC0415

        evaluation = found.evaluation
        warnings = [*outlets.warnings, *evaluation.warnings, *found.advanced.remarks]
        name = self._call.target.name
        content = document(evaluation, name, notifications, warnings, found.telling)
        click.echo(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=True))


def _flags() -> list[str]:
    """The flags of this call that the command in a message needs to give the same."""
    context = click.get_current_context()
    given: list[str] = []
    for name, flag in (
        ("files", "--rules"),
        ("guardrails", "--guardrails"),
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


def _undelivered(report: Report, watched: dict[str, Delivery]) -> list[str]:
    """What was not delivered, a line for each receiver, with the first reason."""
    failed: dict[str, list[str]] = {}
    for one in report.left:
        failed.setdefault(one.waiting.receiver, []).append(one.detail)
    lines = [
        f"receiver {name}: {len(details)} not delivered: {details[0]}"
        for name, details in failed.items()
    ]
    lines += [
        f"receiver {name}: this run is not reported: {delivery.detail}"
        for name, delivery in watched.items()
        if delivery.failed
    ]
    return lines
