"""`recwatch history`: what happened, told or not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from alerts.cli.options import Where, json_option, warehouse_options
from alerts.cli.state import data_time, open_store, state_option
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.state.journal import Entry

_STYLES = {"firing": "bold red", "repeated": "red", "unknown": "magenta", "resolved": "green"}


def _labels(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r}: write NAME=VALUE, such as surface=home")
        if found.setdefault(name, value) != value:
            raise click.BadParameter(f"the label {name!r} is given twice")
    return found


@click.command("history")
@click.option("--rule", "rules", multiple=True, metavar="NAME", help="Only this rule; repeatable.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_labels,
    help="Only alerts with this label; repeatable.",
)
@click.option("--from", "since", metavar="TIME", callback=data_time, help="Data time, inclusive.")
@click.option("--to", "until", metavar="TIME", callback=data_time, help="Data time, exclusive.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many."
)
@json_option
@state_option
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    state: str | None,
    rules: tuple[str, ...],
    labels: dict[str, str],
    since: date | None,
    until: date | None,
    limit: int,
    as_json: bool,
) -> None:
    """What happened: every alert that began, went on, ended or was restated, told or not.

    Times are those of the data; `recorded` is when a run saw it.
    """
    # As the state compares them: a date comes before every moment of its day.
    if since and until and until.isoformat() <= since.isoformat():
        raise ConfigurationError("--to must be after --from")
    with open_store(state, where, "recwatch history") as store:
        entries = store.history.find(rules, labels, since, until, limit)
    if as_json:
        content = {"entries": [_document(one) for one in entries]}
        click.echo(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=True))
    elif entries:
        _print(entries)
    else:
        click.echo("Nothing happened, as far as this state knows.")


def _document(entry: Entry) -> dict[str, Any]:
    one = entry.transition
    return {
        "recorded": entry.recorded.isoformat(),
        "at": None if one.at is None else one.at.isoformat(),
        "kind": one.kind,
        "rule": one.rule,
        "labels": dict(one.labels),
        "severity": one.severity,
        "fingerprint": one.fingerprint,
        "episode": one.episode,
        "since": None if one.since is None else one.since.isoformat(),
        "value": one.value,
        "reason": one.reason,
        "told": one.told,
        "because": one.because,
        "suppressed": one.suppressed,
    }


def _print(entries: Sequence[Entry]) -> None:
    from rich.table import Table  # noqa: PLC0415 - JSON needs none of it
    from rich.text import Text  # noqa: PLC0415

    from alerts.detectors.sentences import shown  # noqa: PLC0415
    from alerts.notify.text import one_line  # noqa: PLC0415
    from alerts.runner.tell import REMARKS, title  # noqa: PLC0415
    from alerts.terminal import console  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("At", "What", "Severity", "Alert", "Since", "Told"):
        table.add_column(name, no_wrap=name not in {"Alert", "Told"}, overflow="fold")
    table.add_column("Why", overflow="fold", ratio=1)
    for one in (entry.transition for entry in entries):
        kind = Text(one.kind, style=_STYLES.get(one.kind, ""))
        told = "yes" if one.told else one.suppressed or REMARKS.get(one.because, "no")
        reason = "; ".join(filter(None, [one.reason, REMARKS.get(one.because) if one.told else ""]))
        cells = (one.severity, title(one.rule, one.labels), shown(one.since), told, reason)
        table.add_row(shown(one.at), kind, *(Text(one_line(cell)) for cell in cells))
    console().print(table)
