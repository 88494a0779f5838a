"""Fixtures of the tests of the whole."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.project.harness import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUMBERS = itertools.count()


@pytest.fixture
def new_project(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Project]:
    """A project over a fresh database of the named engine, its raw tables empty."""

    def make(engine: str, **dbt_vars: Any) -> Project:
        number = next(NUMBERS)
        if engine == "duckdb":
            output: dict[str, Any] = {
                "type": "duckdb",
                "path": str(tmp_path / f"{number}.duckdb"),
                "schema": "main",
                "threads": 2,
                "settings": {"TimeZone": "UTC"},
            }
        else:
            output = {
                "type": "postgres",
                "schema": "public",
                "threads": 2,
                **request.getfixturevalue("postgres_settings"),
            }
        project = Project(engine, output, tmp_path / f"project-{number}", dbt_vars)
        project.create_raw_tables()
        return project

    return make
