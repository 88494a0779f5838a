"""Where the demo works: the project, its DuckDB target, and where files and report go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError
from alerts.warehouse import Target, read_project, resolve_target

if TYPE_CHECKING:
    from alerts.warehouse import Project

TARGET = "duckdb"
_PROFILES = "profiles.yml"
_EXAMPLE = "profiles.yml.example"


@dataclass(frozen=True)
class Place:
    """Everything the demo reads and writes, as absolute paths.

    Attributes:
        project: The dbt project.
        profiles_dir: Where profiles.yml is.
        copied: Whether profiles.yml was copied from the example just now.
        target: The DuckDB target, its path absolute.
        database: The DuckDB file.
        directory: Where the simulated files go.
        report: The HTML file.
    """

    project: Project
    profiles_dir: Path
    copied: bool
    target: Target
    database: Path
    directory: Path
    report: Path


def find_place(
    project_dir: str | None, profiles_dir: str | None, directory: Path | None, report: Path | None
) -> Place:
    """The place that the flags name; profiles.yml is copied from the example where missing."""
    project = read_project(project_dir)
    root = project.directory.resolve()
    profiles = Path(profiles_dir).resolve() if profiles_dir else root
    copied = _copy_example(root, profiles)
    target = resolve_target(project, TARGET, profiles)
    database = _database(target, root)
    page = (report or root / "recwatch-demo.html").resolve()
    if not page.parent.is_dir():
        raise ConfigurationError(f"--report {report}: there is no directory {page.parent}")
    return Place(
        project=project,
        profiles_dir=profiles,
        copied=copied,
        target=Target(target.name, target.type, {**target.settings, "path": str(database)}),
        database=database,
        directory=(directory or root / "demo").resolve(),
        report=page,
    )


def _copy_example(root: Path, profiles: Path) -> bool:
    file = profiles / _PROFILES
    if file.exists():
        return False
    try:
        shutil.copyfile(root / _EXAMPLE, file)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be copied from {root / _EXAMPLE}: {error.strerror or error}"
        ) from None
    return True


def _database(target: Target, root: Path) -> Path:
    """The file of a DuckDB target. dbt runs in the project, so a relative path starts there."""
    path = str(target.settings.get("path") or "")
    if target.type != "duckdb" or not path or path.startswith((":memory:", "md:", "motherduck:")):
        raise ConfigurationError(
            f"target {target.name!r}: the demo needs one of type duckdb whose `path` is a file, "
            f"as in {_EXAMPLE}"
        )
    return (root / path).resolve()
