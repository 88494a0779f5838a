"""Calling `recwatch analyze`, and files for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from alerts.cli import cli
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("--unit", "user", "--variation", "arm", "--control", "a")
MEAN = (*COLUMNS, "--metric", "m")


def run(file: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["analyze", str(file), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(file: Path, *arguments: str) -> dict[str, Any]:
    return json.loads(run(file, *arguments, "--json"))  # type: ignore[no-any-return]


def refused(file: Path, *arguments: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        CliRunner().invoke(cli, ["analyze", str(file), *arguments], catch_exceptions=False)
    message = str(caught.value)
    assert "\n" not in message
    return message


def figures_of(found: dict[str, Any]) -> tuple[float | None, ...]:
    """As `reference.figures` has them."""
    levels = tuple(found[name] for name in ("control", "treatment", "difference", "statistic"))
    return (*levels, found["p_value"], *found["interval"], found["lift"]["value"])


def write_csv(file: Path, *rows: str) -> Path:
    file.write_text("\n".join(rows) + "\n")
    return file
