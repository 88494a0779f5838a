"""Fixtures of the tests of the whole."""

from __future__ import annotations

import itertools
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.project import harness
from tests.project.harness import Project
from tests.project.spark_project import SparkProject
from tests.project.supabase import PASSWORD, ROLES, Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NUMBERS = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def parse_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of several processes one parses the project for all."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        harness.SHARED = tmp_path_factory.getbasetemp().parent


def duckdb_output(path: Path) -> dict[str, Any]:
    """The output of a dbt profile for one file."""
    return {
        "type": "duckdb",
        "path": str(path),
        "schema": "main",
        "threads": 2,
        "settings": {"TimeZone": "UTC"},
    }


def postgres_output(settings: dict[str, Any]) -> dict[str, Any]:
    """The output of a dbt profile for one database."""
    return {"type": "postgres", "schema": "public", "threads": 2, **settings}


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
            output = postgres_output(request.getfixturevalue("postgres_settings"))
        kind = SparkProject if engine == "spark" else Project
        project = kind(engine, output, tmp_path / f"project-{number}", dbt_vars)
        if raw_tables:
            project.create_raw_tables()
        return project

    return make


@pytest.fixture
def database(postgres_settings: dict[str, Any]) -> Iterator[Database]:
    """A fresh database of an administrator who is no superuser; the roles are gone after."""
    with closing(psycopg2.connect(**postgres_settings)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("select rolname from pg_roles where rolname = any(%s)", [list(ROLES)])
        if existing := cursor.fetchall():
            pytest.skip(f"the server has roles of these names already: {existing}")
        try:
            cursor.execute(
                f"create role recwatch_test_admin login createrole password '{PASSWORD}'"
            )
            cursor.execute(
                f"alter database {postgres_settings['dbname']} owner to recwatch_test_admin"
            )
            names = ("host", "port", "dbname")
            yield Database({name: postgres_settings[name] for name in names})
        finally:
            for role in ROLES:
                cursor.execute("select 1 from pg_roles where rolname = %s", [role])
                if cursor.fetchone():
                    cursor.execute(f"reassign owned by {role} to current_user")
                    cursor.execute(f"drop owned by {role} cascade")
                    cursor.execute(f"drop role {role}")
