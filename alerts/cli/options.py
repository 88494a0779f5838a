"""Options that several commands share."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

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

# Whether the result is printed for programs; the command gets it as `as_json`.
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON document."
)
