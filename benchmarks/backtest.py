"""`python -m benchmarks.backtest`: what rules make of 180 days with forty planted incidents.

Simulates the scenario `long`, loads it as nights would have, builds the marts that rules read, and
holds the episodes of the shipped rules against the truth; beside them those of the naive rules that
the documents began with (naive_rules.yml, and a plain z-score). Exit code 1 where the shipped rules
find fewer than 95 % of the incidents that rules watch, or cry wolf more than 1.5 times in a
series-year. What goes by the wall clock is not judged.

The loader stamps rows with the time of the load. Here each row is dated back to one o'clock of the
night after it was made, late rows to that after the day they arrived, so that what goes by the load
day has 180 of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
from rich.console import Console
from rich.table import Table

from alerts.backtest.run import Backtest, assess, backtest
from alerts.backtest.show import duration, print_backtest
from alerts.backtest.truth import read_truth
from alerts.raw.loader import load_file
from alerts.raw.tables import RAW_TABLES
from alerts.rules import DEFAULT_RULES, load_rules
from alerts.rules.marts import DAY
from alerts.runner import Settings, evaluate
from alerts.runner.read import Reader
from alerts.simulate import Options, simulate
from alerts.simulate.incidents import IMPRESSIONS
from alerts.warehouse import Target, open_warehouse
from benchmarks.measure import PROFILE, ROOT
from benchmarks.naive import RULES as ZSCORES
from benchmarks.naive import episodes as naive_episodes

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS, DAYS, SCENARIO = 3_000, 180, "long"
RECALL, FALSE_PER_YEAR = 0.95, 1.5
NAIVE_RULES = Path(__file__).parent / "naive_rules.yml"
# What no rule reads: the marts for reports only, and the tests of all models.
BUILD = (
    "build",
    *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
    *("--exclude", "dwell_histogram_daily", "dwell_percentiles_daily", "blend_weights_daily"),
    # All pairs of lists of a hundred days would take 20 GB; the rule needs a thousand a day.
    *("--vars", "{overlap_exact_max_users: 200, overlap_pairs_per_user: 10}"),
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


def prepare(bench: Bench, users: int, seed: int) -> None:
    """From nothing to marts."""
    bench.directory.mkdir(parents=True, exist_ok=True)
    for path in (bench.database, Path(f"{bench.database}.wal")):
        path.unlink(missing_ok=True)
    with step("simulate"):
        options = Options(users=users, days=DAYS, seed=seed, scenario=SCENARIO)
        summary = simulate(bench.shop, options)
    summary.truth.rename(bench.truth)
    with step("load"):
        load(bench)
    shutil.rmtree(bench.shop)
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


def judge(bench: Bench) -> tuple[Backtest, Backtest]:
    """The shipped rules and the naive ones, over the whole range."""
    truth = read_truth(bench.truth)
    days = json.loads(bench.truth.read_text())
    first = date.fromisoformat(days["first_day"])
    span = (first, date.fromisoformat(days["last_full_day"]) + DAY)
    shipped, naive = (load_rules([path]).rules for path in (DEFAULT_RULES, NAIVE_RULES))
    with closing(open_warehouse(bench.target)) as warehouse:
        ours = backtest(shipped, warehouse, span, Settings(), truth.incidents)
        told = evaluate(naive, warehouse, ours.span.end, Settings(lookback=ours.span.length))
        plain = replace(told, episodes=(*told.episodes, *naive_episodes(warehouse)))
        reader = Reader(warehouse, ZoneInfo("UTC"), ours.span.end, lookback=ours.span.length)
        rules = (*naive, *ZSCORES)
        theirs = assess(rules, plain, reader, ours.span, truth.incidents)
    return ours, theirs


def compare(ours: Backtest, theirs: Backtest) -> Table:
    """Both in a line each."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    names = ("Rules", "Series-years", "Episodes", "Messages", "Found", "Recall", "Precision")
    for name in (*names, "False", "per series-year", "Told after (middle)", "at most"):
        table.add_column(name)
    for name, found in (("shipped", ours), ("naive", theirs)):
        score = found.score
        if score is None:
            continue
        delays = sorted(one.delay for one in score.caught if one.delay is not None)
        # Of the same incidents for both: those that the shipped rules watch.
        every = len(ours.score.covered) if ours.score else 0
        caught = sum(one.is_found for one in score.caught)
        table.add_row(
            name,
            f"{found.years:.1f}",
            f"{sum(len(record.episodes) for record in found.records):,}",
            f"{sum(record.messages.total for record in found.records):,}",
            f"{caught} of {every}",
            f"{caught / every:.1%}",
            f"{score.precision or 0:.1%}",
            f"{len(score.false):,}",
            f"{found.false_per_year or 0:.2f}",
            duration(delays[len(delays) // 2]) if delays else "",
            duration(delays[-1]) if delays else "",
        )
    return table


def main() -> None:
    """Prepare and judge; `--judge-only` what is there already, with rules that have changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".bench")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--judge-only", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(arguments.directory)
    if not arguments.judge_only:
        prepare(bench, arguments.users, arguments.seed)
    ours, theirs = judge(bench)
    print("\nThe shipped rules:\n")
    print_backtest(ours, print)
    print("\nThe naive rules:\n")
    print_backtest(theirs, print)
    print()
    Console(width=200).print(compare(ours, theirs))
    recall = ours.score.recall if ours.score else None
    if (recall or 0) < RECALL or (ours.false_per_year or 0) > FALSE_PER_YEAR:
        sys.exit(f"short of recall {RECALL:.0%} or above {FALSE_PER_YEAR} false a series-year")


if __name__ == "__main__":
    main()
