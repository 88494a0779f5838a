"""Bad input through the real program: a clear word or quarantine, nothing lost, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.project.harness import ROOT, Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = {
    "id": "i1",
    "user_id": "u1",
    "surface": "home",
    "created_at": "2025-03-01T12:00:00Z",
    "dwell_time_ms": 1500,
    "metadata": {"session_id": "s1"},
}


def run(project: Project, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own; whatever happens, it shows no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", "from alerts.cli import main; main()", *arguments],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "RECWATCH_"))},
            "DBT_PROFILES_DIR": str(project.directory),
            "RECWATCH_STATE_URL": f"sqlite:///{project.directory / 'state.db'}",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture
def duckdb(new_project: Callable[..., Project]) -> Project:
    return new_project("duckdb")


def load(project: Project, file: Path, content: str | bytes) -> subprocess.CompletedProcess[str]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run(project, "load", "personalization_metrics", str(file))


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_senseless_and_broken_rows_are_kept_apart(
    engine: str, tmp_path: Path, new_project: Callable[..., Project]
) -> None:
    project = new_project(engine)
    lines = [
        json.dumps(GOOD),
        json.dumps({**GOOD, "id": "i2", "surface": "lobby"}),
        json.dumps({**GOOD, "id": "i3", "dwell_time_ms": -1}),
        '{"id": "i4", "user_id": ',
    ]
    done = load(project, tmp_path / "metrics.jsonl", "\n".join(lines))
    assert done.returncode == 0
    assert "3 rows loaded, 1 rejected (invalid_json 1)" in done.stdout
    project.dbt("build", "--exclude-resource-type", "unit_test")  # they bring their own rows
    assert project.rows(
        "select reason, rows from analytics.data_quality_daily"
        " where source_table = 'personalization_metrics' order by reason"
    ) == [("accepted", 1), ("invalid_dwell", 1), ("invalid_json", 1), ("unknown_surface", 1)]
    assert project.rows(
        "select id, reason from quarantine.personalization_metrics order by id"
    ) == [("i2", "unknown_surface"), ("i3", "invalid_dwell")]
    assert project.rows("select line, content from raw.rejected_rows") == [(4, lines[3])]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.csv", "id,user_id\ni1,u1\n", "surface"),
        ("m.jsonl", "id,user_id\ni1,u1\n", "JSON"),
        ("m.csv", b"PAR1\x15\x04\x15\x10", "Parquet"),
        ("m.parquet", "id,user_id\n", "Parquet"),
        ("m.jsonl", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gz"),
        ("m.xlsx", "id", ".jsonl"),
    ],
)
def test_files_that_are_not_what_they_should_be(
    name: str, content: str | bytes, says: str, tmp_path: Path, duckdb: Project
) -> None:
    done = load(duckdb, tmp_path / name, content)
    assert done.returncode == 2
    assert name in done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert duckdb.rows("select count(*) from raw.personalization_metrics") == [(0,)]


def test_a_missing_mart(duckdb: Project) -> None:
    done = run(duckdb, "check")
    assert done.returncode == 3
    assert "analytics." in done.stderr
    assert "dbt build" in done.stderr


def test_a_missing_database(duckdb: Project, tmp_path: Path) -> None:
    profile = {
        "target": "duckdb",
        "outputs": {
            "duckdb": {"type": "duckdb", "path": str(tmp_path / "none.duckdb"), "schema": "main"}
        },
    }
    (duckdb.directory / "profiles.yml").write_text(yaml.safe_dump({"recwatch": profile}))
    done = run(duckdb, "check")
    assert done.returncode == 3
    assert "none.duckdb" in done.stderr
    assert not (tmp_path / "none.duckdb").exists()


def test_a_wrong_profile(duckdb: Project) -> None:
    (duckdb.directory / "profiles.yml").write_text("someone_else: {}\n")
    done = run(duckdb, "check")
    assert done.returncode == 2
    assert "profiles.yml" in done.stderr
    assert "recwatch" in done.stderr


def test_an_unknown_target(duckdb: Project) -> None:
    done = run(duckdb, "check", "--target", "oracle")
    assert done.returncode == 2
    assert "oracle" in done.stderr
    assert "duckdb" in done.stderr


def test_an_unreachable_postgres(duckdb: Project) -> None:
    output = {
        "type": "postgres",
        "host": "127.0.0.1",
        "port": 1,
        "user": "u",
        "password": "{{ env_var('PG_CANARY') }}",
        "dbname": "d",
        "schema": "public",
    }
    profile = {"recwatch": {"target": "postgres", "outputs": {"postgres": output}}}
    (duckdb.directory / "profiles.yml").write_text(yaml.safe_dump(profile))
    done = run(duckdb, "check", PG_CANARY="sesame-canary")
    assert done.returncode == 3
    assert "127.0.0.1" in done.stderr
    assert "sesame-canary" not in done.stdout + done.stderr
    without = run(duckdb, "check")
    assert without.returncode == 2
    assert "PG_CANARY" in without.stderr
