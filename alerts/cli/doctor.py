"""`recwatch doctor`: is everything in place, and what to do where it is not."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from alerts.cli.options import (
    Where,
    guardrails_option,
    json_option,
    rules_option,
    warehouse_options,
)
from alerts.cli.state import open_store, state_option

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.doctor import Finding

_MARKS = {
    "ok": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "bold red"),
    "unknown": ("?", "magenta"),
}


@click.command("doctor")
@rules_option
@guardrails_option
@click.option("--send", is_flag=True, help="Send each receiver a test message.")
@json_option
@state_option
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    state: str | None,
    files: tuple[Path, ...],
    guardrails: Path | None,
    send: bool,
    as_json: bool,
) -> None:
    """Look at rules, guardrails, profile, marts, loads, state and receivers; say what to do.

    Exits with the code that `recwatch check` would end with for the gravest failure.
    """
    from alerts.doctor.examine import Patient, examine, gravest  # noqa: PLC0415 - `--help` does not
    from alerts.experiments.guardrail_file import DEFAULT_FILE  # noqa: PLC0415
    from alerts.rules import DEFAULT_RULES  # noqa: PLC0415

    patient = Patient(
        files=files or [DEFAULT_RULES],
        guardrails=guardrails or DEFAULT_FILE,
        project=where.project(),
        target=where.target,
        profiles_dir=where.profiles_dir,
        environ=os.environ,
        now=datetime.now(UTC),
        echo=partial(click.echo, err=True),
        state=partial(open_store, state, where, "recwatch doctor"),
        send=send,
    )
    findings = []
    for one in examine(patient):
        findings.append(one)
        if not as_json:
            _print(one)
    if as_json:
        content = {"findings": [asdict(one) for one in findings]}
        click.echo(json.dumps(content, indent=2, ensure_ascii=True))
    sys.exit(gravest(findings))


def _print(one: Finding) -> None:
    from rich.text import Text  # noqa: PLC0415 - JSON needs none of it

    from alerts.notify.text import one_line  # noqa: PLC0415
    from alerts.terminal import console  # noqa: PLC0415

    mark, style = _MARKS[one.health]
    out = console()
    line = Text.assemble((mark, style), f" {one.about:<10} ", one_line(one.found))
    out.print(line, soft_wrap=True)
    if one.todo:
        out.print(Text(f"{'':<13}→ {one_line(one.todo)}", style="dim"), soft_wrap=True)
