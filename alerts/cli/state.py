"""The option that says where the state is, and how the commands open it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.cli.options import Where
    from alerts.state.store import Store

STATE_FILE = "recwatch-state.db"


def state_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --state; the command gets it as `state`, None where it is not said."""
    option = click.option(
        "--state",
        envvar="RECWATCH_STATE_URL",
        metavar="URL",
        help="What is remembered: sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        f"  [default: {STATE_FILE} in the project]",
    )
    return option(function)


def open_store(
    state: str | None, where: Where, command: str, *, locked: bool = False, init: bool = False
) -> Store:
    """The state; by default a file beside dbt_project.yml, wherever the command is called from."""
    from alerts.state.store import open_state  # noqa: PLC0415 - SQLAlchemy takes its time

    url = state or f"sqlite:///{where.project().directory / STATE_FILE}"
    return open_state(url, now=datetime.now(UTC), command=command, locked=locked, init=init)


def moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A date or time on the command line as a moment; without a zone it is UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year < 9000:
        raise click.BadParameter(f"{text!r}: write 2025-03-10 or 2025-03-10T06:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def data_time(context: click.Context, parameter: click.Parameter, text: str | None) -> date | None:
    """A date on the command line as the date, as daily data has it; else a moment in UTC."""
    found = moment(context, parameter, text)
    if found is None or text is None:
        return None
    with suppress(ValueError):
        return date.fromisoformat(text)
    return found.astimezone(UTC)
