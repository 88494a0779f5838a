"""`recwatch rules`: are the rules sound, which are there, and how often do they cry wolf."""

from __future__ import annotations

import json
from contextlib import closing
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from alerts.cli.options import (
    Where,
    guardrails_option,
    json_option,
    rules_option,
    warehouse_options,
)
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.table import Table

    from alerts.rules import Rule, RuleSet
    from alerts.runner.noise import Expected, Prediction

_MOST = 10


@click.group("rules")
def command() -> None:
    """Are the rules sound, which are there, and how often would they cry wolf?"""


def _rules_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --rules and --rule; the command gets what they name as `rules`."""

    @rules_option
    @click.option(
        "--rule", "names", multiple=True, metavar="NAME", help="Only this rule; repeatable."
    )
    @wraps(function)
    def command(files: tuple[Path, ...], names: tuple[str, ...], **arguments: Any) -> Any:
        from alerts.rules import DEFAULT_RULES, load_rules  # noqa: PLC0415 - not for `--help`

        return function(rules=load_rules(files or [DEFAULT_RULES]).only(names), **arguments)

    return command


@command.command("check")
@_rules_options
@guardrails_option
@json_option
@warehouse_options
def check(*, where: Where, rules: RuleSet, guardrails: Path | None, as_json: bool) -> None:
    """Read rule files and guardrail file strictly; hold marts and columns against dbt's manifest.

    The manifest is what `dbt parse` or `dbt build` left in target/; without one that half is not
    checked, and the output says so. Errors are exit code 2.
    """
    from alerts.experiments.guardrail_file import DEFAULT_FILE, load_guardrails  # noqa: PLC0415
    from alerts.rules.manifest import manifest_path, missing, read_manifest  # noqa: PLC0415

    named = guardrails or DEFAULT_FILE
    load_guardrails(named)
    project = where.project()
    path = manifest_path(project.directory)
    relations = read_manifest(path, project.schema_prefix)
    lost = [] if relations is None else list(missing(rules.rules, relations))
    if lost:
        more = [f"and {len(lost) - _MOST} more"] if len(lost) > _MOST else []
        again = f"as {path} has it: run `dbt parse` if the project is newer"
        raise ConfigurationError("\n".join([*lost[:_MOST], *more, again]))
    if as_json:
        document = {
            "rules": [rule.name for rule in rules.rules],
            "manifest": None if relations is None else str(path),
            "guardrails": str(named),
        }
        click.echo(json.dumps(document, indent=2))
        return
    count = f"{len(rules.rules)} rule{'' if len(rules.rules) == 1 else 's'}"
    if relations is None:
        click.echo(f"{count}: sound. Marts and columns were not checked: there is no {path}.")
        click.echo("Run `dbt parse` and check again.")
    else:
        click.echo(f"{count}: sound, and every mart and column is in {path}.")
    click.echo(f"Guardrails: {named}: sound.")


@command.command("list")
@_rules_options
@json_option
def list_rules(*, rules: RuleSet, as_json: bool) -> None:
    """Every rule: what it judges, when it fires, where its alerts go."""
    if as_json:
        document = {"rules": [_listed(rule) for rule in rules.rules]}
        click.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    columns = ("Rule", "Kind", "Judges", "By", "Fires", "Severity", "Receivers", "Playbook")
    rows = [
        (
            rule.name,
            rule.kind,
            f"{rule.mart}.{rule.metric}",
            ", ".join((*rule.by, *(f"{name}={value}" for name, value in rule.where.items()))),
            _fires(rule),
            rule.severity,
            ", ".join(rule.receivers) or "by route",
            _playbook(rule),
        )
        for rule in rules.rules
    ]
    _print(_table(columns, rows))


@command.command("schema")
def schema() -> None:
    """The JSON schema of rule files, for editors that check while one writes."""
    from alerts.rules import RuleFile  # noqa: PLC0415 - not for `--help`

    content = RuleFile.model_json_schema(by_alias=True)
    content["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    click.echo(json.dumps(content, indent=2))


@command.command("noise")
@_rules_options
@json_option
@warehouse_options
def predicted(*, where: Where, rules: RuleSet, as_json: bool) -> None:
    """False episodes to expect in 30 days, from the marts' own traffic.

    Of every rule on every label set: how often it would fire though nothing happens, by the level
    of the series, what its buckets rest on and how they scatter. A rule whose sum is above its
    `max_false_per_30d` (1 by default) is warned of.
    """
    from alerts.runner import Settings  # noqa: PLC0415 - `--help` needs no warehouse
    from alerts.runner.noise import predict  # noqa: PLC0415

    project = where.project()
    settings = Settings(prefix=project.schema_prefix, timezone=project.reporting_timezone)
    with closing(where.open(project)) as warehouse:
        found = predict(rules.rules, warehouse, settings)
    if as_json:
        document = {"days": 30, "rules": [_predicted(one) for one in found]}
        click.echo(json.dumps(document, indent=2, allow_nan=False))
    else:
        _print(_noise_table(found))
    for one in found:
        if one.is_noisy:
            click.echo(f"recwatch: warning: {_warning(one)}", err=True)


def _listed(rule: Rule) -> dict[str, Any]:
    from alerts.rules.expressions import format_duration  # noqa: PLC0415

    return {
        "name": rule.name,
        "kind": rule.kind,
        "mart": rule.mart,
        "metric": rule.metric,
        "by": list(rule.by),
        "where": dict(rule.where),
        "when": str(rule.when),
        "for": None if rule.hold is None else format_duration(rule.hold),
        "severity": rule.severity,
        "receivers": list(rule.receivers),
        "description": rule.description,
        "has_playbook": bool(rule.playbook),
        "playbook_when": dict(rule.playbook_when),
        "inhibited_by": [one.rule for one in rule.inhibited_by],
    }


def _fires(rule: Rule) -> str:
    from alerts.rules.expressions import format_duration  # noqa: PLC0415

    return f"{rule.when} for {format_duration(rule.hold)}" if rule.hold else str(rule.when)


def _playbook(rule: Rule) -> str:
    if not rule.playbook:
        return ""
    conditions = ", ".join(f"{name} {state}" for name, state in rule.playbook_when.items())
    return f"if {conditions}" if conditions else "yes"


def _predicted(one: Expected) -> dict[str, Any]:
    return {
        "rule": one.rule.name,
        "kind": one.rule.kind,
        "false_per_30d": one.false_per_30d,
        "max_false_per_30d": one.rule.max_false_per_30d,
        "is_noisy": one.is_noisy,
        "note": one.note,
        "series": [
            {
                "labels": dict(each.labels),
                "false_per_30d": each.false_per_30d,
                "level": each.level,
                "denominator": each.count,
                "design_effect": each.dispersion,
                "note": each.note,
            }
            for each in one.series
        ],
    }


def _noise_table(found: Sequence[Expected]) -> Table:
    columns = ("Rule", "Series", "False in 30 days", "Allowed", "Noisiest series")
    rows = []
    for one in found:
        told = one.note or _notes(one.series)
        rows.append(
            (
                one.rule.name,
                str(len(one.series)),
                _small(one.false_per_30d),
                f"{one.rule.max_false_per_30d:g}",
                told or _noisiest(one.series),
            )
        )
    return _table(columns, rows)


def _notes(series: Sequence[Prediction]) -> str:
    """The remark that all series share."""
    notes = {one.note for one in series}
    return notes.pop() if len(notes) == 1 else ""


def _noisiest(series: Sequence[Prediction]) -> str:
    known = [one for one in series if one.false_per_30d is not None]
    if not known:
        return ""
    worst = max(known, key=lambda one: one.false_per_30d or 0.0)
    labels = ", ".join(f"{name}={value}" for name, value in worst.labels)
    parts = [labels or "all", _small(worst.false_per_30d)]
    if worst.level is not None and worst.count is not None:
        parts.append(f"level {worst.level:.4g} on {worst.count:,.0f}")
    if worst.dispersion is not None:
        parts.append(f"design effect {worst.dispersion:.3g}")
    return "; ".join(parts)


def _small(value: float | None) -> str:
    if value is None:
        return "-"
    return "< 0.01" if 0 <= value < 0.01 else f"{value:.2f}"


def _warning(one: Expected) -> str:
    allowed = f"{one.rule.max_false_per_30d:g}"
    return (
        f"rule {one.rule.name}: about {_small(one.false_per_30d)} false episodes in 30 days, more "
        f"than {allowed}: widen the bound, lengthen `for`, raise min_denominator, add confidence"
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from alerts.notify.text import one_line  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, no_wrap=not place, overflow="fold")
    for row in rows:
        # Text, not markup: a name may hold brackets.
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table


def _print(table: Table) -> None:
    from alerts.terminal import console  # noqa: PLC0415 - JSON needs none of it

    console().print(table)
