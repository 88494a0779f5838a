"""What the benchmarks share: running dbt, the same by hand, and holding one against the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import duckdb

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".bench"
PROFILE = """
recwatch:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('RECWATCH_DUCKDB_PATH') }}", schema: main, threads: 2,
             settings: {TimeZone: UTC}}
"""


class Run(NamedTuple):
    """A run of dbt: its seconds without start-up and parsing, and its peak memory in MB."""

    seconds: float
    peak_mb: float


def prepare() -> None:
    """An empty working directory with a profile."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    (WORK / "profiles.yml").write_text(PROFILE)


def dbt(path: Path, *arguments: str) -> Run:
    """Run dbt on a DuckDB file."""
    environment = {
        **os.environ,
        "RECWATCH_DUCKDB_PATH": str(path),
        "DBT_PROFILES_DIR": str(WORK),
        "DBT_TARGET_PATH": str(WORK / "target"),
        "DBT_LOG_PATH": str(WORK / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    command = [sys.executable, "-m", "benchmarks.dbt_run", *arguments, "--quiet"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    results = json.loads((WORK / "target" / "run_results.json").read_text())
    return Run(float(results["elapsed_time"]), int(done.stdout.split()[-1]) / 1024)


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB file with the settings that dbt gives it."""
    connection = duckdb.connect(str(path))
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set threads = 2")
    return connection


def by_hand(path: Path, name: str) -> float:
    """Run the plain SQL of `name`.sql; its seconds, until it is on disk."""
    sql = (ROOT / "benchmarks" / f"{name}.sql").read_text()
    with connect(path) as connection:
        started = time.perf_counter()
        connection.execute(sql)
        connection.execute("checkpoint")
        return time.perf_counter() - started


def differences(path: Path) -> dict[str, int]:
    """Rows in which the marts and the plain SQL differ, by mart; floats to 1e-9."""
    found = {}
    with connect(path) as connection:
        marts = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'by_hand'"
        ).fetchall()
        for (mart,) in sorted(marts):
            columns = connection.execute(
                "select column_name, data_type from information_schema.columns where"
                f" table_schema = 'by_hand' and table_name = '{mart}'"
            ).fetchall()
            chosen = ", ".join(
                f"round({name}, 9) as {name}" if kind == "DOUBLE" else f'"{name}"'
                for name, kind in columns
            )
            ours = f"select {chosen} from analytics.{mart}"
            theirs = f"select {chosen} from by_hand.{mart}"
            found[mart] = connection.execute(
                f"select count(*) from (({ours} except all {theirs})"
                f" union all ({theirs} except all {ours}))"
            ).fetchall()[0][0]
    return found
