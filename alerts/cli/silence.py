"""`recwatch silence`: what is not to be told for a while."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from alerts.cli.options import Where, json_option, warehouse_options
from alerts.cli.state import moment, open_store, state_option
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.state.silence import Silence

# Longer ones are rules that should be changed.
LONGEST = timedelta(days=90)


@click.group("silence")
def command() -> None:
    """Hold alerts back for a while: with an author, a reason and an end.

    What fires meanwhile is recorded; if it still fires at the end, it is told then.
    """


def _length(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    from alerts.rules.expressions import parse_duration  # noqa: PLC0415 - `--help` needs none

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _author() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""


@command.command("add")
@click.argument("matchers", nargs=-1, required=True, metavar="NAME=PATTERN…")
@click.option("--for", "length", metavar="DURATION", callback=_length, help="Such as 4h or 2d.")
@click.option("--until", metavar="TIME", callback=moment, help="Instead of --for.")
@click.option("--from", "since", metavar="TIME", callback=moment, help="Later than now.")
@click.option("--reason", required=True, help="For whoever looks for a missing message.")
@click.option("--author", default=_author, show_default="who calls", help="Who is to be asked.")
@json_option
@state_option
@warehouse_options
def add(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    state: str | None,
    matchers: tuple[str, ...],
    length: timedelta | None,
    until: datetime | None,
    since: datetime | None,
    reason: str,
    author: str,
    as_json: bool,
) -> None:
    r"""Hold back the alerts that all matchers fit.

    A matcher is `rule=PATTERN` or `LABEL=PATTERN`; `*` in a pattern stands for any text.

    \b
    recwatch silence add rule=ctr-floor surface=home --for 4h --reason "banner test"
    """
    from alerts.state.silence import Silence, parse_matchers  # noqa: PLC0415

    now = datetime.now(UTC)
    starts = since or now
    if (length is None) == (until is None):
        raise ConfigurationError("a silence needs an end: either --for or --until")
    ends = until or starts + (length or timedelta())
    if ends - starts > LONGEST:
        raise ConfigurationError(
            f"a silence lasts {LONGEST.days} days at most: change the rule instead"
        )
    silence = Silence("", author, reason, parse_matchers(matchers), starts, ends)
    with open_store(state, where, "recwatch silence") as store:
        added = store.silences.add(silence, now)
    _say([added], as_json=as_json)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that have ended as well.")
@json_option
@state_option
@warehouse_options
def list_(*, where: Where, state: str | None, everything: bool, as_json: bool) -> None:
    """The silences that hold now or later."""
    with open_store(state, where, "recwatch silence") as store:
        found = store.silences.find(datetime.now(UTC), ended=everything)
    if not found and not as_json:
        click.echo("Nothing is silenced.")
        return
    _say(found, as_json=as_json)


@command.command("end")
@click.argument("number", metavar="NUMBER")
@state_option
@warehouse_options
def end(*, where: Where, state: str | None, number: str) -> None:
    """End a silence now."""
    with open_store(state, where, "recwatch silence") as store:
        ended = store.silences.end(number, datetime.now(UTC))
    click.echo(f"Silence {number} has ended: {_matchers(ended)}")


def _document(silence: Silence) -> dict[str, Any]:
    return {
        "number": silence.id,
        "author": silence.author,
        "reason": silence.reason,
        "matchers": dict(silence.matchers),
        "starts": silence.starts.isoformat(),
        "ends": silence.ends.isoformat(),
    }


def _matchers(silence: Silence) -> str:
    from alerts.notify.text import one_line  # noqa: PLC0415

    return one_line(", ".join(f"{name}={pattern}" for name, pattern in silence.matchers))


def _say(silences: Sequence[Silence], *, as_json: bool) -> None:
    if as_json:
        content = {"silences": [_document(one) for one in silences]}
        click.echo(json.dumps(content, indent=2, ensure_ascii=True))
        return
    from rich.table import Table  # noqa: PLC0415 - JSON needs none of it
    from rich.text import Text  # noqa: PLC0415

    from alerts.detectors.sentences import shown  # noqa: PLC0415
    from alerts.notify.text import one_line  # noqa: PLC0415
    from alerts.terminal import console  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Number", "Alerts", "From", "Until", "Author", "Reason"):
        table.add_column(name, overflow="fold")
    for one in silences:
        cells = (shown(one.starts), shown(one.ends), one.author, one.reason)
        table.add_row(one.id, _matchers(one), *(Text(one_line(cell)) for cell in cells))
    console().print(table)
