"""Which warehouse: the dbt project and profile, found and read by dbt's rules without dbt."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from alerts.errors import ConfigurationError
from alerts.warehouse.rendering import render

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROJECT_FILE = "dbt_project.yml"
_PROFILES_FILE = "profiles.yml"


@dataclass(frozen=True)
class Target:
    """One target of the profile, rendered. Its settings hold secrets, so they are never shown."""

    name: str
    type: str
    settings: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Project:
    """What the program needs of the dbt project."""

    directory: Path
    name: str
    profile: str
    variables: Mapping[str, Any]
    schema_prefix: str

    @property
    def reporting_timezone(self) -> str:
        """Name of the zone in which the marts cut their days; it need not be a known one."""
        return str(self.variables.get("reporting_timezone") or "UTC")

    @property
    def raw_schema(self) -> str:
        """The schema of the raw tables, which has no prefix."""
        return str(self.variables.get("raw_schema") or "raw")


def read_project(project_dir: str | Path | None = None) -> Project:
    """The dbt project: by flag, DBT_PROJECT_DIR, the current directory or one above it."""
    directory = _project_directory(project_dir)
    file = directory / _PROJECT_FILE
    if not file.is_file():
        raise ConfigurationError(
            f"no {_PROJECT_FILE} in {directory}: run in the project, or give --project-dir"
        )
    content = _read_yaml(file)
    name = str(content.get("name") or "")
    profile = os.environ.get("DBT_PROFILE") or render(content.get("profile"), file)
    if not profile:
        raise ConfigurationError(f"{file}: no `profile`: name the profile of {_PROFILES_FILE}")
    variables = _mapping(content.get("vars"), file, "vars")
    own = variables.get(name)
    merged = {**variables, **(own if isinstance(own, dict) else {})}
    return Project(
        directory=directory,
        name=name,
        profile=str(profile),
        variables=render(merged, file),
        schema_prefix=os.environ.get("DBT_SCHEMA_PREFIX", ""),
    )


def resolve_target(
    project: Project,
    target: str | None = None,
    profiles_dir: str | Path | None = None,
) -> Target:
    """The target by flag, DBT_TARGET, the profile's `target`, or `default`."""
    file = _profiles_file(project, profiles_dir)
    profile = _read_yaml(file).get(project.profile)
    if not isinstance(profile, dict):
        raise ConfigurationError(f"{file}: no profile {project.profile!r}")
    outputs = _mapping(profile.get("outputs"), file, "outputs")
    name = (
        target or os.environ.get("DBT_TARGET") or render(profile.get("target"), file) or "default"
    )
    if name not in outputs:
        known = ", ".join(map(str, outputs)) or "none"
        raise ConfigurationError(
            f"{file}: profile {project.profile!r} has no target {name!r}: it has {known}"
        )
    # Only the chosen target: the others' environment variables need not be set.
    settings = render(_mapping(outputs[name], file, str(name)), file)
    kind = settings.get("type")
    if not kind:
        raise ConfigurationError(f"{file}: target {name!r} has no `type`")
    return Target(str(name), str(kind), settings)


def _project_directory(flag: str | Path | None) -> Path:
    given = flag or os.environ.get("DBT_PROJECT_DIR")
    if given:
        return Path(given)
    here = Path.cwd()
    holding = (path for path in (here, *here.parents) if (path / _PROJECT_FILE).is_file())
    return next(holding, here)


def _profiles_file(project: Project, flag: str | Path | None) -> Path:
    given = flag or os.environ.get("DBT_PROFILES_DIR")
    places = [Path(given)] if given else [Path.cwd(), project.directory, Path.home() / ".dbt"]
    for place in places:
        if (place / _PROFILES_FILE).is_file():
            return place / _PROFILES_FILE
    looked = places[0] if given else project.directory
    raise ConfigurationError(
        f"no {_PROFILES_FILE} in {looked}: run `cp profiles.yml.example profiles.yml` there"
    )


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - safe loaders
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        # Not the error's text, which quotes the line: it may hold a password.
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{file}{where}: not valid YAML") from None
    return _mapping(content, file, "the file")


def _mapping(value: Any, file: Path, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError(f"{file}: {what} must be a mapping")
    return value


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
