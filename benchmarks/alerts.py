"""`python -m benchmarks.alerts`: what an evaluation of many rules over a long past costs.

A thousand (rule, label set) pairs over 400 days of marts in a DuckDB file: rules of every kind that
reads one series for each label set, on marts made here. Time and peak memory are those of a fresh
process that loads the rules, opens the file and evaluates, as `recwatch check` does.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime

import duckdb

from benchmarks.measure import ROOT, WORK

DAYS = 400
COUNTRIES = 20
SURFACES = ("for_you", "recently_viewed", "visit_history", "home", "pdp")
PAIRS = 1_000
_MARTS = f"""
create schema analytics;
create schema reference;
create table reference.surfaces as
select unnest({list(SURFACES)}) as surface, true as has_impressions, 0.04 as min_ctr,
    5000.0 as min_dwell_ms;
create table analytics.engagement_daily as
select
    day, surface, '(none)' as experiment_key, '(none)' as variation, country, impressions,
    cast(impressions * (0.09 + 0.01 * sin(epoch(day) / 86400)) as bigint)
        + cast(hash(day, surface, country) % 20 as bigint) as clicks,
    cast(impressions * 0.2 as bigint) as dwell_events,
    cast(impressions * 0.2 * (11000 + hash(country, day) % 1000) as decimal(38, 3)) as dwell_ms_sum
from (
    select
        cast(date '2024-01-01' + cast(d as int) as date) as day, surface, 'c' || c as country,
        2000 + cast(hash(d, surface, c) % 500 as bigint) as impressions
    from range({DAYS + 1}) a (d), range({COUNTRIES}) b (c),
        (select unnest({list(SURFACES)}) as surface) s
);
"""


def rules() -> str:
    """A rule file of a thousand (rule, label set) pairs: ten rules on a hundred label sets."""
    base: dict[str, object] = {"mart": "analytics.engagement_daily", "by": ["surface", "country"]}
    guard = {"column": "impressions", "value": 500}
    ctr = {**base, "metric": "ctr", "min_denominator": guard}
    dwell = {**base, "metric": "avg_dwell_ms"}
    found = [
        {**ctr, "when": "< 0.04", "for": "2d"},
        {**ctr, "when": "< 0.085", "confidence": 0.95},
        {**ctr, "when": "> 0.5", "keep_firing_for": "3d"},
        {**ctr, "when": "> 2", "kind": "zscore"},
        {**ctr, "when": "> 3", "kind": "zscore", "baseline": "7d"},
        {**ctr, "when": "< -0.2", "kind": "drop"},
        {**dwell, "when": "< 5000"},
        {**dwell, "when": "> 2", "kind": "zscore"},
        {**dwell, "when": "< -0.3", "kind": "drop", "baseline": "28d"},
        {**base, "kind": "freshness", "when": ">= 1d"},
    ]
    named = [{"name": f"rule-{place}", **one} for place, one in enumerate(found)]
    return json.dumps({"version": 1, "rules": named})


def prepare() -> None:
    """The marts and the rules."""
    WORK.mkdir(exist_ok=True)
    path = WORK / "alerts.duckdb"
    path.unlink(missing_ok=True)
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(_MARTS)
    (WORK / "alerts.yml").write_text(rules())


def evaluate_once() -> None:
    """In a process of its own: prints seconds, peak memory in MB and pairs."""
    from alerts.rules import load_rules  # noqa: PLC0415 - what importing takes is not counted
    from alerts.runner import evaluate  # noqa: PLC0415
    from alerts.warehouse.duckdb_engine import DuckDB  # noqa: PLC0415

    path = str(WORK / "alerts.duckdb")
    started = time.perf_counter()
    loaded = load_rules([WORK / "alerts.yml"])
    connection = duckdb.connect(path, read_only=True)
    connection.execute("set TimeZone = 'UTC'")
    with closing(DuckDB(connection, path)) as warehouse:
        evaluation = evaluate(loaded.rules, warehouse, now=datetime(2025, 2, 4, tzinfo=UTC))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak, len(evaluation.results))


def main() -> None:
    """Measure several times and print the middle one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.once:
        evaluate_once()
        return
    prepare()
    measured = []
    for _ in range(arguments.runs):
        command = [sys.executable, "-m", "benchmarks.alerts", "--once"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        seconds, peak, pairs = map(float, done.stdout.split())
        measured.append((seconds, peak))
        assert pairs == PAIRS
    seconds = sorted(one for one, _ in measured)[len(measured) // 2]
    peak = max(one for _, one in measured)
    print(f"{PAIRS:,} rules × series over {DAYS} days: {seconds:.2f} s, {peak:,.0f} MB at most")


if __name__ == "__main__":
    main()
