"""`make bench`: what the engagement marts cost, against plain SQL and against history.

Every figure is a ratio between two things measured in the same run on the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from benchmarks import shop

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".bench"
PROFILE = """
recwatch:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('RECWATCH_DUCKDB_PATH') }}", schema: main, threads: 2,
             settings: {TimeZone: UTC}}
"""


def dbt(path: Path, *arguments: str) -> float:
    """Run dbt on a DuckDB file; its seconds without start-up and parsing."""
    environment = {
        **os.environ,
        "RECWATCH_DUCKDB_PATH": str(path),
        "DBT_PROFILES_DIR": str(WORK),
        "DBT_TARGET_PATH": str(WORK / "target"),
        "DBT_LOG_PATH": str(WORK / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    command = [sys.executable, "-m", "dbt.cli.main", *arguments, "--quiet"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    results = json.loads((WORK / "target" / "run_results.json").read_text())
    return float(results["elapsed_time"])


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB file with the settings that dbt gives it."""
    connection = duckdb.connect(str(path))
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set threads = 2")
    return connection


def by_hand(path: Path) -> float:
    """Run the plain SQL; its seconds, until it is on disk."""
    sql = (ROOT / "benchmarks" / "by_hand.sql").read_text()
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


def full_build(days: int) -> None:
    """A full build of the marts against the same results by plain SQL."""
    path = WORK / "full.duckdb"
    with connect(path) as connection:
        shop.create_tables(connection)
        for first in range(0, days, 10):
            shop.add_days(connection, first, min(10, days - first))
        rows = connection.execute("select count(*) from raw.personalization_metrics").fetchall()
    dbt(path, "seed")
    ours = dbt(path, "run", "--full-refresh")
    plain = by_hand(path)
    wrong = {mart: count for mart, count in differences(path).items() if count}
    print(f"full build, {rows[0][0]:,} impressions over {days} days")
    print(f"  dbt run {ours:.1f} s, plain SQL {plain:.1f} s, ratio {ours / plain:.2f} (at most 2)")
    print(f"  rows that differ: {wrong or 'none'}")
    path.unlink()


def nightly(histories: tuple[int, int], nights: int) -> None:
    """One new day after a short and after a long history, night by night in turn."""
    paths = {}
    for days in histories:
        paths[days] = WORK / f"history-{days}.duckdb"
        with connect(paths[days]) as connection:
            shop.create_tables(connection)
            for first in range(0, days, 20):
                shop.add_days(connection, first, min(20, days - first))
        dbt(paths[days], "build", "--full-refresh")
    seconds: dict[int, list[float]] = {days: [] for days in histories}
    for night in range(nights):
        for days, path in paths.items():
            with connect(path) as connection:
                shop.add_days(connection, days + night, 1)
            seconds[days].append(dbt(path, "build"))
    short, long = (statistics.median(seconds[days]) for days in histories)
    rows = f"{shop.IMPRESSIONS_A_DAY:,}"
    print(f"nightly dbt build, one new day of {rows} impressions, median of {nights}")
    print(
        f"  after {histories[0]} days {short:.2f} s, after {histories[1]} days {long:.2f} s,"
        f" ratio {long / short:.3f} (at most 1.15)"
    )
    print(f"  all nights: {seconds}")


def main() -> None:
    """Measure and print; `--small` for a look that takes a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--only", choices=["full", "nightly"])
    arguments = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    (WORK / "profiles.yml").write_text(PROFILE)
    if arguments.only != "nightly":
        full_build(9 if arguments.small else 90)
    if arguments.only != "full":
        nightly((4, 40) if arguments.small else (40, 400), 5)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
