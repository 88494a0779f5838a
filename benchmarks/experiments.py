"""`make bench`: what an experiment on a million users costs, and the same by tea-tasting.

The moments are kept up to date by dbt, so that a readout reads a few rows. The alternative reads
every user: a table of them, then tea-tasting. Both give the same estimates, or the bench says so.

Seconds are those of this machine; what they must stay below holds for two idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from alerts.experiments.cuped import cuped
from alerts.experiments.moments import Moments
from alerts.experiments.results import Estimate, Refusal
from benchmarks import shop
from benchmarks.measure import ROOT, WORK, connect, dbt, prepare

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ranking_v3"
FIRST_DAY = "2025-01-15"  # of the experiment; visits begin 14 days earlier
DAYS_BEFORE = 14
DAYS = 28
# Of the users that are there before the experiment.
SHARE_BEFORE = 5
IMPRESSIONS_A_USER = 20
IMPRESSIONS_A_VISIT = 5
MODELS = ("intermediate.experiments", "marts.experiments")
# What the readout stands on; the other marts of experiments are built after it.
MOMENTS = ("+experiment_moments_daily,intermediate.experiments", "experiment_moments_daily")
LEDGERS = ("+marts.experiments", "--exclude", *MODELS)

EXPERIMENT = """
insert into raw.experiments values (
    '{key}', 'Ranking', 'running',
    '[{{"key": "control", "weight": 0.5, "is_control": true}},
      {{"key": "treatment", "weight": 0.5, "is_control": false}}]',
    timestamptz '{first_day} 00:00:00+00', null,
    '{{"primary_metric": "ctr", "surfaces": ["home", "pdp"], "min_duration_days": 14,
       "horizon_users": {users}}}',
    'recsys', timestamptz '{first_day} 00:00:00+00' - interval '1 day',
    timestamptz '{first_day} 00:00:00+00' - interval '1 day'
)
"""

# Visits evenly over the days, by users drawn from {users} of which every {step}th may come.
VISITS = """
create or replace temp table visits as
select
    'v{day}-' || i as visit,
    'u' || {step} * (hash(i * 1000 + {day} + 500) % ({users} // {step})) as user_id,
    timestamptz '{first_day} 00:00:00+00' + to_days({day})
        + to_microseconds(i * {days} * 86400000000 // {visits}) as visited_at
from range({visits}) as t (i)
"""

ASSIGNMENTS = """
insert into raw.experiment_assignments
select '{key}', user_id, if(hash(user_id) % 2 = 0, 'control', 'treatment'), min(visited_at),
    date_trunc('day', min(visited_at)) + interval '25 hours'
from visits
where user_id not in (select user_id from raw.experiment_assignments)
group by user_id
"""

# One to nine impressions a visit. Users differ in how readily they click; the treatment adds 2 %.
IMPRESSIONS = """
insert into raw.personalization_metrics
with shown as (
    select
        md5(visit || '-' || place) as id,
        visit,
        user_id,
        visited_at + to_seconds(20 * place) as created_at,
        place,
        if(hash(user_id) % 2 = 0, 'control', 'treatment') as variation,
        cast(hash(user_id || 'rate') % 80000 as double)
            * if({day} >= 0 and hash(user_id) % 2 = 1, 1.02, 1.0) as clicks_in_a_million
    from visits, range(1, 10) as r (place)
    where place <= 1 + hash(visit) % {most}
)
select
    id, user_id, if(hash(visit || 'surface') % 3 = 0, 'pdp', 'home'),
    if({day} >= 0, '{key}', null), if({day} >= 0, variation, null),
    hash(id) % 1000000 < clicks_in_a_million,
    if(hash(id || 'd') % 3 = 0, cast(hash(id) % 90000 as numeric(18, 3)), null),
    'r' || hash(id) % 3000000,
    'slug-' || hash(id) % 5000,
    cast(
        '{{"session_id": "' || visit || '", "country": "'
        || ['DE', 'FR', 'US'][cast(1 + hash(user_id) % 3 as int)] || '", "city": "c'
        || hash(user_id) % 40 || '", "device": "'
        || ['ios', 'android', 'web'][cast(1 + hash(user_id || 'd') % 3 as int)] || '"}}' as json
    ),
    created_at,
    date_trunc('day', created_at) + interval '25 hours'
from shown
"""

# One row per exposed user, as plain SQL: what tea-tasting needs.
USERS = """
create temp table users as
with assigned as (
    select user_id, min(variation) as variation, min(assigned_at) as assigned_at
    from raw.experiment_assignments
    where experiment_key = '{key}'
    group by user_id
    having count(distinct variation) = 1
),
shown as (
    select impressions.user_id, assigned.variation, assigned_at, created_at, click_through
    from raw.personalization_metrics as impressions
    inner join assigned using (user_id)
    where surface in ('home', 'pdp')
),
exposed as (
    select user_id, min(created_at) as exposed_at
    from shown
    where created_at >= assigned_at
    group by user_id
)
select
    user_id,
    any_value(variation) as variation,
    cast(count(*) filter (created_at >= exposed_at) as double) as impressions,
    cast(count(*) filter (created_at >= exposed_at and click_through) as double) as clicks,
    cast(count(*) filter (
        created_at < exposed_at and created_at >= exposed_at - interval '14 days'
    ) as double) as impressions_before,
    cast(count(*) filter (
        created_at < exposed_at and created_at >= exposed_at - interval '14 days' and click_through
    ) as double) as clicks_before
from shown
inner join exposed using (user_id)
group by user_id
"""


class Timed(NamedTuple):
    """A process: its seconds from start to end and of CPU, its peak memory in MB, its output."""

    seconds: float
    cpu: float
    peak_mb: float
    output: str


def impressions_a_day(users: int) -> int:
    """Of all users together, on average."""
    return users * IMPRESSIONS_A_USER // DAYS


def make_raw_tables(path: Path, users: int) -> None:
    """Two weeks before the experiment, for some of its users, and the four weeks of it."""
    with connect(path) as connection:
        shop.create_tables(connection)
        connection.execute(EXPERIMENT.format(key=KEY, first_day=FIRST_DAY, users=users))
    add_days(path, -DAYS_BEFORE, DAYS_BEFORE, users)
    for week in range(0, DAYS, 7):
        add_days(path, week, 7, users)
    # Who never comes is assigned all the same.
    with connect(path) as connection:
        connection.execute(
            "create temp table visits as select 'u' || i as user_id,"
            f" timestamptz '{FIRST_DAY} 00:00:00+00' + to_seconds(i) as visited_at"
            f" from range({users}) as t (i)"
        )
        connection.execute(ASSIGNMENTS.format(key=KEY))


def add_days(path: Path, day: int, days: int, users: int) -> None:
    """Visits, impressions and new assignments of some days from `day` of the experiment on.

    Before day 0 one in five users visits, none is assigned yet.
    """
    step = SHARE_BEFORE if day < 0 else 1
    values = {
        "key": KEY,
        "first_day": FIRST_DAY,
        "day": day,
        "days": days,
        "visits": impressions_a_day(users) // IMPRESSIONS_A_VISIT // step * days,
        "users": users,
        "step": step,
        "most": 2 * IMPRESSIONS_A_VISIT - 1,
    }
    with connect(path) as connection:
        connection.execute(VISITS.format(**values))
        if day >= 0:
            connection.execute(ASSIGNMENTS.format(**values))
        connection.execute(IMPRESSIONS.format(**values))


def cpu_of_children() -> float:
    """Seconds of CPU of the processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def dbt_run(path: Path, *arguments: str) -> str:
    """Run dbt; what it took. Where others use the machine too, the CPU says more than the clock."""
    before = cpu_of_children()
    run = dbt(path, "run", "--select", *arguments)
    spent = cpu_of_children() - before
    return f"{run.seconds:.1f} s, {spent:.0f} s of CPU with start-up, {run.peak_mb:,.0f} MB"


def models(most: int = 6) -> str:
    """Where the last run of dbt has spent its time."""
    results = json.loads((WORK / "target" / "run_results.json").read_text())["results"]
    spent = sorted(
        ((one["execution_time"], one["unique_id"].split(".")[-1]) for one in results), reverse=True
    )
    return ", ".join(f"{name} {seconds:.1f}" for seconds, name in spent[:most])


def run_and_watch(path: Path, code: str, *arguments: str) -> Timed:
    """Run Python code in a process of its own; on failure `output` is what it said."""
    wrapped = (
        "import atexit, pathlib, sys\n"
        "atexit.register(lambda: print(next(line.split()[1] for line in"
        " pathlib.Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')),"
        f" file=sys.stderr))\n{code}"
    )
    environment = {
        **os.environ,
        "RECWATCH_DUCKDB_PATH": str(path),
        "DBT_PROFILES_DIR": str(WORK),
    }
    started, before = time.perf_counter(), cpu_of_children()
    done = subprocess.run(
        [sys.executable, "-c", wrapped, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds, cpu = time.perf_counter() - started, cpu_of_children() - before
    *errors, peak = done.stderr.splitlines()
    if done.returncode:
        return Timed(seconds, cpu, float("nan"), f"failed: {' '.join(errors)}")
    return Timed(seconds, cpu, int(peak) / 1024, done.stdout)


def taste(path: Path) -> dict[str, Any]:
    """Clicks per impression and clicks per user by tea-tasting, plain and with CUPED."""
    import pyarrow as pa  # noqa: PLC0415 - a second of imports that only this way needs
    import tea_tasting as tt  # noqa: PLC0415

    # With more, tea-tasting 1.14 on Arrow gives other figures from call to call, up to 1e-5 apart.
    pa.set_cpu_count(1)
    started = time.perf_counter()
    with connect(path) as connection:
        connection.execute(USERS.format(key=KEY))
        built = time.perf_counter()
        rows = connection.sql("select * exclude (user_id) from users").to_arrow_table()
    read = time.perf_counter()
    ratio = {"numer": "clicks", "denom": "impressions"}
    before = {"numer_covariate": "clicks_before", "denom_covariate": "impressions_before"}
    metrics = {
        "ratio": tt.RatioOfMeans(**ratio, use_t=False),
        "ratio cuped": tt.RatioOfMeans(**ratio, **before, use_t=False),
        "mean": tt.Mean("clicks"),
        "mean cuped": tt.Mean("clicks", "clicks_before"),
    }
    result = tt.Experiment(metrics, variant="variation").analyze(rows, control="control")
    figures = {
        name: {
            "difference": float(one.effect_size),
            "std_error": float((one.effect_size_ci_upper - one.effect_size_ci_lower) / 2),
            "statistic": float(one.statistic),
        }
        for name, one in result.items()
    }
    ended = time.perf_counter()
    return {
        "users": rows.num_rows,
        "table": built - started,
        "read": read - built,
        "analysis": ended - read,
        "figures": figures,
    }


def ours(path: Path) -> tuple[dict[str, Estimate | Refusal], int]:
    """The same estimates from the mart's newest day, and the users in them."""
    names = [f"sum_{a}" for a in ("m", "d", "p", "q")]
    names += [f"sum_{ab}" for ab in ("mm", "dd", "pp", "qq", "md", "mp", "mq", "dp", "dq", "pq")]
    with connect(path) as connection:
        rows = connection.execute(
            f"select variation, users, {', '.join(names)} from experiments.experiment_moments_daily"
            f" where experiment_key = '{KEY}' and metric = 'ctr' and segment_type = 'all'"
            " and day = (select max(day) from experiments.experiment_moments_daily)"
        ).fetchall()
    arms = {row[0]: Moments.of(row[1], dict(zip(names, row[2:], strict=True))) for row in rows}
    found: dict[str, Estimate | Refusal] = {}
    for kind in ("ratio", "mean"):
        both = cuped(kind, arms["control"], arms["treatment"])
        if isinstance(both, Refusal):
            sys.exit(f"no estimate: {both.reason}")
        found[kind], found[f"{kind} cuped"] = both.unadjusted, both.adjusted
    return found, sum(arm.users for arm in arms.values())


def apart(mine: Estimate | Refusal, theirs: dict[str, float]) -> float:
    """The greatest relative difference of the figures of one estimate."""
    if isinstance(mine, Refusal):
        sys.exit(f"no estimate: {mine.reason}")
    reach = (mine.interval.high or 0) - mine.difference
    figures = {"difference": mine.difference, "std_error": reach, "statistic": mine.statistic}
    return max(abs(figures[name] / theirs[name] - 1) for name in theirs)


def marts(path: Path, users: int) -> None:
    """The first build, and the increment of a day."""
    started = time.perf_counter()
    make_raw_tables(path, users)
    with connect(path) as connection:
        [(rows, within)] = connection.execute(
            "select count(*), count(experiment_key) from raw.personalization_metrics"
        ).fetchall()
    print(f"an experiment of {DAYS} days on {users:,} users, {within:,} impressions in it,")
    print(f"  {rows - within:,} before it; generated in {time.perf_counter() - started:.0f} s")
    dbt(path, "seed")
    print(f"  ledgers {dbt_run(path, *LEDGERS)}: {models(3)}")
    print(f"  moments {dbt_run(path, *MOMENTS)} (under 60 s)")
    print(f"    {models(12)}")
    print(f"  the other marts of experiments {dbt_run(path, *MODELS, '--exclude', *MOMENTS)}")
    add_days(path, DAYS, 1, users + users // 100)
    print(f"  the next day, {impressions_a_day(users):,} impressions:")
    print(f"  ledgers {dbt_run(path, *LEDGERS)}: {models(3)}")
    print(f"  moments {dbt_run(path, *MOMENTS)} (under 5 s)")
    print(f"    {models(12)}")
    print(f"  the other marts of experiments {dbt_run(path, *MODELS, '--exclude', *MOMENTS)}")


def readouts(path: Path) -> None:
    """The readout, and the same estimates from the users."""
    call = "import sys\nfrom alerts.cli import main\nmain(sys.argv[1:])"
    readout = run_and_watch(path, call, "readout", KEY, "--json")
    if readout.output.startswith("failed"):
        print(f"  recwatch readout: {readout.output}")
    else:
        print(
            f"  recwatch readout {readout.seconds:.2f} s (under 1.5), {readout.cpu:.2f} s of CPU,"
            f" {readout.peak_mb:,.0f} MB"
        )
    call = (
        "import json, pathlib, sys\nfrom benchmarks.experiments import taste\n"
        "print(json.dumps(taste(pathlib.Path(sys.argv[1]))))"
    )
    tasted = run_and_watch(path, call, str(path))
    if tasted.output.startswith("failed"):
        sys.exit(f"tea-tasting {tasted.output}")
    theirs = json.loads(tasted.output.splitlines()[-1])  # DuckDB may have drawn a bar
    print(
        f"  tea-tasting {tasted.seconds:.2f} s, {tasted.cpu:.2f} s of CPU,"
        f" {tasted.peak_mb:,.0f} MB: table of"
        f" {theirs['users']:,} users {theirs['table']:.2f} s, read {theirs['read']:.2f} s,"
        f" analysis {theirs['analysis']:.2f} s"
    )
    mine, users = ours(path)
    if users != theirs["users"]:
        print(f"  NOT THE SAME USERS: {users:,} and {theirs['users']:,}")
    differences = ", ".join(
        f"{name} {apart(mine[name], figures):.1e}" for name, figures in theirs["figures"].items()
    )
    print(f"  greatest relative difference of the estimates: {differences}")


def main() -> None:
    """Measure and print; `--small` for a look that takes a minute, `--keep` to look again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the users")
    parser.add_argument("--keep", action="store_true", help="leave the database in .bench")
    parser.add_argument("--only", choices=["marts", "readouts"], help="the latter of what was kept")
    arguments = parser.parse_args()
    path = WORK / "experiment.duckdb"
    if arguments.only != "readouts":
        prepare()
        marts(path, 100_000 if arguments.small else 1_000_000)
    if arguments.only != "marts":
        readouts(path)
    if not arguments.keep:
        shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
