"""Fixtures of the tests of the whole."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.project.harness import Project
from tests.project.spark_project import SparkProject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUMBERS = itertools.count()


def duckdb_output(path: Path) -> dict[str, Any]:
    """The output of a dbt profile for one file."""
    return {
        "type": "duckdb",
        "path": str(path),
        "schema": "main",
        "threads": 2,
        "settings": {"TimeZone": "UTC"},
    }


@pytest.fixture
def new_project(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Project]:
    """A project over a fresh database of the named engine, its raw tables empty or missing."""

    def make(engine: str, raw_tables: bool = True, **dbt_vars: Any) -> Project:
        number = next(NUMBERS)
        if engine == "spark":
            target = request.getfixturevalue("spark_target")
            output: dict[str, Any] = target.settings
        elif engine == "duckdb":
            (tmp_path / f"{number}").mkdir()
            output = duckdb_output(tmp_path / f"{number}" / "shop.duckdb")
        else:
            output = {
                "type": "postgres",
                "schema": "public",
                "threads": 2,
                **request.getfixturevalue("postgres_settings"),
            }
        kind = SparkProject if engine == "spark" else Project
        project = kind(engine, output, tmp_path / f"project-{number}", dbt_vars)
        if raw_tables:
            project.create_raw_tables()
        return project

    return make
