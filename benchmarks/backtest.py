"""`python -m benchmarks.backtest`: 180 days with forty planted incidents, and what rules make of them.

Simulates the scenario `long`, loads it as nights would have, builds the marts that rules read, and
holds the episodes of the shipped rules against the truth; beside them those of the naive rules that
the documents began with (benchmarks/naive_rules.yml, and a plain z-score).

The loader stamps rows with the time of the load. Here each row is dated back to one o'clock of the
night after it was made, late rows to that after the day they arrived, so that what goes by the load
day has 180 of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from alerts.raw.loader import load_file
from alerts.raw.tables import RAW_TABLES
from alerts.simulate import Options, simulate
from alerts.simulate.incidents import IMPRESSIONS
from alerts.warehouse import Target, open_warehouse
from benchmarks.measure import PROFILE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS, DAYS, SCENARIO = 3_000, 180, "long"
# What no rule reads: the marts for reports only, and the tests of all models.
BUILD = (
    "build",
    *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
    *("--exclude", "dwell_histogram_daily", "dwell_percentiles_daily", "blend_weights_daily"),
    # All pairs of lists of a hundred days at once would take 20 GB; rules need a thousand of them.
    *("--vars", "overlap_exact_max_users: 200"),
)
# The night after: when what was made on a day is loaded.
_LOADED = "date_trunc('day', {time}) + interval '25 hours'"
_MADE = {
    "sessions": "started_at",
    "experiments": "updated_at",
    "experiment_assignments": "assigned_at",
    "catalog_items": "updated_at",
    "personalization_settings": "updated_at",
}
# A broken row is as old as the sound one it was copied from, which its id names.
_BROKEN = """
update raw.personalization_metrics as broken
set loaded_at = sound.loaded_at
from raw.personalization_metrics as sound
where broken.id = sound.id || '-broken'
"""
_REJECTED = """
update raw.rejected_rows as rejected
set loaded_at = sound.loaded_at
from raw.personalization_metrics as sound
where regexp_extract(rejected.content, '"id":"([^"]+)-broken"', 1) = sound.id
"""


@dataclass(frozen=True)
class Bench:
    """Where the benchmark works.

    Attributes:
        directory: Everything it writes.
    """

    directory: Path

    @property
    def shop(self) -> Path:
        """The simulated files, of which only the truth stays."""
        return self.directory / "shop"

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.directory / "long.duckdb"

    @property
    def truth(self) -> Path:
        """What was planted."""
        return self.directory / "truth.json"

    @property
    def target(self) -> Target:
        """The DuckDB file as a target."""
        return Target("duckdb", "duckdb", {"path": str(self.database), "threads": 2})


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print how long a step took."""
    started = time.perf_counter()
    yield
    print(f"  {name:<12}{time.perf_counter() - started:>6.0f} s", flush=True)


def prepare(bench: Bench, users: int) -> None:
    """From nothing to marts."""
    bench.directory.mkdir(parents=True, exist_ok=True)
    for path in (bench.database, Path(f"{bench.database}.wal")):
        path.unlink(missing_ok=True)
    with step("simulate"):
        summary = simulate(bench.shop, Options(users=users, days=DAYS, scenario=SCENARIO))
    summary.truth.rename(bench.truth)
    with step("load"):
        load(bench)
    with step("dbt build"):
        dbt(bench)


def load(bench: Bench) -> None:
    """Every file by the loader, the times of the load dated back."""
    truth = json.loads(bench.truth.read_text())
    late = {
        part: incident["arrival_day"]
        for incident in truth["incidents"]
        for part in incident.get("parts", ())
    }
    on_time, came_late = [], []
    for table in RAW_TABLES:
        for path in sorted((bench.shop / table.name).glob("part-*")):
            is_late = table.name == IMPRESSIONS and path.name in late
            (came_late if is_late else on_time).append((table.name, path))
    with closing(open_warehouse(bench.target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
        for table_name, path in on_time:
            load_file(warehouse, "raw", table_name, path)
            path.unlink()
    with closing(_connect(bench)) as connection:
        for table in RAW_TABLES:
            made = _MADE.get(table.name, "created_at")
            connection.execute(
                f"update raw.{table.name} set loaded_at = {_LOADED.format(time=made)}"
            )
        connection.execute(_BROKEN)
        connection.execute(_REJECTED)
    for table_name, path in came_late:
        with closing(open_warehouse(bench.target, read_only=False)) as warehouse:
            load_file(warehouse, "raw", table_name, path)
        path.unlink()
        with closing(_connect(bench)) as connection:
            arrived = f"timestamptz '{late[path.name]} 00:00:00+00'"
            connection.execute(
                f"update raw.{table_name} set loaded_at = {_LOADED.format(time=arrived)}"
                " where loaded_at > timestamptz '2025-12-31 00:00:00+00'"
            )


def _connect(bench: Bench) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(bench.database))
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set threads = 2")
    connection.execute("set enable_progress_bar = false")
    return connection


def dbt(bench: Bench) -> None:
    """The marts that rules read."""
    (bench.directory / "profiles.yml").write_text(PROFILE)
    environment = os.environ | {
        "RECWATCH_DUCKDB_PATH": str(bench.database),
        "DBT_PROFILES_DIR": str(bench.directory),
        "DBT_TARGET_PATH": str(bench.directory / "target"),
        "DBT_LOG_PATH": str(bench.directory / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", *BUILD, "--quiet"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def main() -> None:
    """Prepare; `--keep` a database that is there already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".bench")
    parser.add_argument("--users", type=int, default=USERS)
    arguments = parser.parse_args()
    prepare(Bench(arguments.directory), arguments.users)


if __name__ == "__main__":
    main()
