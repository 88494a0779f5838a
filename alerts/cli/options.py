"""Options that several commands share."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.experiments.guardrail_file import GuardrailFile
    from alerts.warehouse import Project, Warehouse


@dataclass(frozen=True)
class Where:
    """Which warehouse: the options that dbt has too, under the same names."""

    target: str | None = None
    profiles_dir: str | None = None
    project_dir: str | None = None

    def project(self) -> Project:
        """The dbt project: its variables, the raw schema, the schema prefix."""
        from alerts.warehouse import read_project  # noqa: PLC0415 - `--help` needs none of it

        return read_project(self.project_dir)

    def open(self, project: Project, *, read_only: bool = True) -> Warehouse:
        """A connection to the project's target; the caller closes it."""
        from alerts.warehouse import open_warehouse, resolve_target  # noqa: PLC0415

        target = resolve_target(project, self.target, self.profiles_dir)
        return open_warehouse(target, read_only=read_only)


def warehouse_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --target, --profiles-dir and --project-dir; the command gets them as `where`."""

    @click.option("-t", "--target", envvar="DBT_TARGET", help="Target of the dbt profile.")
    @click.option(
        "--profiles-dir", envvar="DBT_PROFILES_DIR", help="Where profiles.yml is, as for dbt."
    )
    @click.option(
        "--project-dir", envvar="DBT_PROJECT_DIR", help="Where dbt_project.yml is, as for dbt."
    )
    @functools.wraps(function)
    def command(
        target: str | None, profiles_dir: str | None, project_dir: str | None, **arguments: Any
    ) -> Any:
        return function(where=Where(target, profiles_dir, project_dir), **arguments)

    return command


# Rule files; the command gets them as `files`, an empty tuple where none is named.
rules_option = click.option(
    "--rules",
    "files",
    multiple=True,
    envvar="RECWATCH_RULES",
    type=click.Path(path_type=Path),
    help="Rule file; several merge.  [default: the shipped alerts/rules.yml]",
)

# The guardrail file; the command gets it as `guardrails`, None where none is named.
guardrails_option = click.option(
    "--guardrails",
    envvar="RECWATCH_GUARDRAILS",
    type=click.Path(path_type=Path),
    help="Guardrail file.  [default: the shipped alerts/ab-test-guardrails.yaml]",
)


def named_guardrails(path: Path | None) -> GuardrailFile | None:
    """The guardrail file that is named, read before anything is evaluated.

    None where none is named: the shipped one is read where a rule needs it, since only then scipy,
    which takes a while to be imported, is needed too.
    """
    if path is None:
        return None
    from alerts.experiments.guardrail_file import load_guardrails  # noqa: PLC0415

    return load_guardrails(path)


# Whether the result is printed for programs; the command gets it as `as_json`.
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON document."
)
