"""The same raw rows give the same marts on every engine, and no raw row is lost on any.

What is built on Spark has a night after it, whose writes are seen in its files: to build all of it
there takes minutes.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from psycopg2.errors import InsufficientPrivilege

from tests import spark
from tests.conftest import fresh_database
from tests.project.conftest import duckdb_output, postgres_output
from tests.project.experiment_shop import make_shop
from tests.project.harness import ROOT, Project, assert_same_marts, environment
from tests.project.history import ARRIVALS, History
from tests.project.killed import kill_a_run
from tests.project.raw_rows import impression, session
from tests.project.spark_project import SparkProject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE = {"reporting_timezone": "Europe/Berlin"}
# Judged on a handful of rows, so that every state comes up.
RULES = """
version: 1
rules:
  - name: ctr
    mart: analytics.engagement_daily
    metric: ctr
    by: [surface]
    when: "< 0.3"
    receiver: console
    severity: page
  - name: dwell
    mart: analytics.engagement_daily
    metric: avg_dwell_ms
    by: [surface, country]
    when: "> 5000000"
    receiver: console
    severity: warn
  - name: coverage
    mart: analytics.session_coverage_daily
    metric: session_coverage
    by: [surface]
    when: "< 0.5"
    receiver: console
    severity: warn
"""
TABLES = {
    "personalization_metrics": "int_impressions_ledger",
    "user_interactions": "int_interactions_ledger",
    "sessions": "int_sessions_ledger",
    "experiments": "int_experiments_ledger",
    "experiment_assignments": "int_assignments_ledger",
    "personalization_settings": "int_settings_ledger",
    "shop_events": "int_shop_events_ledger",
    "catalog_items": "int_catalog_ledger",
    "decision_traces": "int_traces_ledger",
}
# Days on which one thing happened.
LONELY, UNTOUCHED = "2025-02-15", "2025-01-22"
# When what `Arrivals` says of its second night is loaded.
NIGHT = "timestamptz '2025-04-28 12:00:00+00'"
# Said of rows that are accepted as well.
CONTRADICTIONS = ("personalized_count_wrong", "reason_count_wrong")


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Where two JSON documents differ, numbers compared as in `same`."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return [d for key in left for d in differences(left[key], right[key], f"{path}.{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [d for place, pair in pairs for d in differences(*pair, f"{path}[{place}]")]
    if isinstance(left, float) and isinstance(right, float):
        return [] if math.isclose(left, right, rel_tol=1e-9) else [f"{path}: {left} {right}"]
    return [] if left == right else [f"{path}: {left!r} {right!r}"]


class Arrivals:
    """One ugly history, and a shop with experiments, which arrive on two nights."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.history = History(11, days=8)
        self.shop = make_shop(4)

    def first(self) -> None:
        """Most of it, on more than thirty days."""
        at_noon = [f"timestamptz '{day} 12:00:00+00'" for day in (LONELY, UNTOUCHED)]
        self.project.execute(
            impression(900, 1, created_at=at_noon[0]),
            session(900, 1, started_at=at_noon[0]),
            impression(903, 1, created_at=at_noon[1]),
            *(impression(910 + day, day) for day in range(17, 24)),
        )
        self.history.arrive(self.project, rows=400)
        self.shop.insert(self.project, ARRIVALS, 0, 2)

    def second(self) -> None:
        """The rest; of the days of `QUIET`, only what is said here."""
        self.history.arrive(self.project, rows=100)
        self.shop.insert(self.project, ARRIVALS + dt.timedelta(hours=17), 1, 2)
        self.project.execute(
            impression(901, 31, created_at="timestamptz '2025-04-10 12:00:00+00'", loaded_at=NIGHT),
            impression(902, 12, loaded_at=NIGHT),  # late by weeks
            impression(900, 9, loaded_at=NIGHT),  # a newer version of the lonely one, which moves
        )


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The marts on DuckDB, computed at once: what increments are to give on every engine."""
    directory = tmp_path_factory.mktemp("reference")
    project = Project("duckdb", duckdb_output(directory / "shop.duckdb"), directory, ZONE)
    project.create_raw_tables()
    arrivals = Arrivals(project)
    arrivals.first()
    arrivals.second()
    project.dbt("seed")
    project.dbt("run")
    return project


Files = dict[str, dict[str, frozenset[str]]]


@dataclass
class OnSpark:
    """The marts on Spark, and their files before and after a night."""

    project: SparkProject
    before: Files
    after: Files


@pytest.fixture(scope="module")
def on_spark(spark_output: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> OnSpark:
    """Built with every test of the project, and by a second run; shared by the tests here."""
    spark.reset()
    project = SparkProject("spark", spark_output, tmp_path_factory.mktemp("spark-shop"), ZONE)
    project.create_raw_tables()
    arrivals = Arrivals(project)
    arrivals.first()
    project.dbt("build")
    before = files(project)
    arrivals.second()
    project.next_run()
    return OnSpark(project, before, files(project))


@pytest.fixture(scope="module")
def on_postgres(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The marts on Postgres, where two runs more were killed and one ended early: the next
    repairs what they left."""
    with fresh_database(postgres_url) as settings:
        directory = tmp_path_factory.mktemp("postgres-shop")
        project = Project("postgres", postgres_output(settings), directory, ZONE)
        project.create_raw_tables()
        arrivals = Arrivals(project)
        arrivals.first()
        project.dbt("build")
        arrivals.second()
        for _ in range(2):
            kill_a_run(project, after=arrivals.history.random.uniform(0, 1.5))
        project.ended_run(arrivals.history.random)
        project.dbt("run")  # with the views that went when the killed run replaced what they read
        yield project


def test_postgres_agrees_and_no_row_is_lost(
    reference: Project, on_postgres: Project, tmp_path: Path
) -> None:
    agrees(on_postgres, reference, tmp_path)


def test_spark_agrees_and_no_row_is_lost(
    reference: Project, on_spark: OnSpark, tmp_path: Path
) -> None:
    agrees(on_spark.project, reference, tmp_path)


def agrees(project: Project, reference: Project, tmp_path: Path) -> None:
    assert_same_marts(project.marts(), reference.marts())
    every_row_is_counted(project)
    quarantine_holds_what_was_refused(project)
    (tmp_path / "rules.yml").write_text(RULES)
    assert {"firing", "ok"} <= set(states(verdicts(project, tmp_path)))
    assert differences(verdicts(reference, tmp_path), verdicts(project, tmp_path)) == []


def test_commands_need_only_the_marts(on_postgres: Project) -> None:
    """No row of a user leaves the warehouse: who may read marts and reference data only can do
    everything."""
    role = f"recwatch_marts_only_{os.getpid()}"
    marts = "experiments, reference"
    on_postgres.execute(
        f"create role {role} login password 'not-a-secret'",
        f"grant usage on schema {marts} to {role}",
        f"grant select on all tables in schema {marts} to {role}",
    )
    try:
        output = {**on_postgres.output, "user": role, "password": "not-a-secret"}
        reader = Project("postgres", output, on_postgres.directory / "reader")
        for relation in ("intermediate.int_experiment_exposures", "raw.experiment_assignments"):
            with pytest.raises(InsufficientPrivilege):
                reader.rows(f"select * from {relation} limit 1")
        for command in (
            ("check", "--rule", "experiment-srm", "--dry-run", "--json"),
            *((name, "telemetry", "--json") for name in ("srm", "readout", "cuped")),
            ("experiment", "ready", "telemetry", "--json"),
        ):
            assert json.loads(reader.recwatch(*command)), command
    finally:
        on_postgres.execute(f"drop owned by {role}", f"drop role {role}")


def verdicts(project: Project, directory: Path) -> list[dict[str, Any]]:
    """What `recwatch check` makes of the marts on two days."""
    with environment({"RECWATCH_RULES": str(directory / "rules.yml")}):
        found = [
            json.loads(project.recwatch("check", "--json", "--dry-run", "--as-of", day))
            for day in ("2025-03-27", "2025-04-01")
        ]
    return [{**document, "target": None} for document in found]


def states(documents: list[dict[str, Any]]) -> list[str]:
    return [result["state"] for document in documents for result in document["results"]]


def test_the_reference_counts_every_row(reference: Project) -> None:
    every_row_is_counted(reference)
    quarantine_holds_what_was_refused(reference)


def every_row_is_counted(project: Project) -> None:
    """Raw + rejected = accepted + duplicate + refused, on every load day of every table."""
    zone = project.dbt_vars["reporting_timezone"]
    for table in TABLES:
        day = f"cast(loaded_at at time zone '{zone}' as date)"
        arrived = dict(
            project.raw_rows(
                f"select day, count(*) from (select {day} as day from raw.{table} union all"
                f" select {day} from raw.rejected_rows where source_table = '{table}') as rows"
                " group by day"
            )
        )
        counted = dict(
            project.rows(
                "select day, cast(sum(rows) as bigint) from analytics.data_quality_daily"
                f" where source_table = '{table}' and reason not in {CONTRADICTIONS} group by day"
            )
        )
        assert arrived == counted, table


def quarantine_holds_what_was_refused(project: Project) -> None:
    """Each quarantine view has, by reason, the rows that data_quality_daily counts."""
    reasons = set()
    for table in TABLES:
        held = dict(
            project.rows(f"select reason, count(*) from quarantine.{table} group by reason")
        )
        rejected = dict(
            project.raw_rows(
                "select reason, count(*) from raw.rejected_rows"
                f" where source_table = '{table}' group by reason"
            )
        )
        counted = dict(
            project.rows(
                "select reason, cast(sum(rows) as bigint) from analytics.data_quality_daily"
                f" where source_table = '{table}' and reason not in"
                f" {('accepted', 'duplicate', *CONTRADICTIONS)}"
                " group by reason"
            )
        )
        both = {
            reason: held.get(reason, 0) + rejected.get(reason, 0)
            for reason in held.keys() | rejected.keys()
        }
        assert both == counted, table
        reasons |= held.keys()
    assert reasons == {
        *("missing_id", "missing_user", "unknown_surface", "unknown_event", "invalid_time"),
        *("future_time", "invalid_json", "invalid_number", "invalid_dwell"),
        "invalid_boolean",
    }


def march(*days: int) -> set[str]:
    return {f"2025-03-{day:02d}" for day in days}


ENGAGEMENT_MARTS = sorted((ROOT / "models" / "marts" / "engagement").glob("*.sql"))
# Days of which little or nothing arrives on the second night.
QUIET = {UNTOUCHED, LONELY, *march(*range(6, 17)), "2025-04-10"}


def files(project: SparkProject) -> Files:
    """The files of every partition of every table that runs build."""
    tables = [
        table
        for table in project.relations("intermediate", "analytics", "experiments")
        if table.endswith("_ledger") or not table.startswith("intermediate.")
    ]
    return {table: project.partitions(table) for table in tables}


def test_a_night_on_spark_rewrites_only_the_partitions_it_touches(on_spark: OnSpark) -> None:
    """After more than thirty days, seen in the files of the tables."""
    before, after = on_spark.before, on_spark.after
    assert before["analytics.engagement_daily"].keys() >= {LONELY, *march(*range(1, 32))}
    changed = {
        table: {
            day
            for day in before[table] | after[table]
            if before[table].get(day) != after[table].get(day)
        }
        for table in after
    }
    assert all(UNTOUCHED not in days for days in changed.values())
    touched = {LONELY, *march(9, 12), "2025-04-10"}
    assert changed["intermediate.int_impressions_ledger"] & QUIET == touched
    marts = {
        mart: changed[mart] for mart in (f"analytics.{mart.stem}" for mart in ENGAGEMENT_MARTS)
    }
    # The session of the one that moved, and one that moves itself.
    assert marts.pop("analytics.session_coverage_daily") & QUIET == {LONELY, *march(6)}
    # Refused and duplicate rows lie under the day of their load.
    nights = {"2025-04-01", "2025-04-20", "2025-04-28"}
    assert marts.pop("analytics.data_quality_daily") == nights
    # A week is touched with the one after it, where there is one.
    weeks = {"2025-01-20", "2025-01-27", "2025-02-10", "2025-02-17", "2025-04-07"}
    assert marts.pop("analytics.ctr_weekly") & weeks == {"2025-02-10", "2025-04-07"}
    # A save touches the funnel of the seven days before it.
    before_saves = QUIET - march(*range(10, 17))
    assert marts.pop("analytics.funnel_daily") & before_saves == touched & before_saves
    assert {mart: days & QUIET for mart, days in marts.items()} == dict.fromkeys(marts, touched)
    # The lonely day is empty now: its partition is gone, and known to be gone.
    assert LONELY not in after["analytics.engagement_daily"]
    partitions = on_spark.project.rows("show partitions analytics.engagement_daily")
    assert (f"day={LONELY}",) not in partitions

    # What a run leaves that is killed while it replaces partitions: the mark, and one missing.
    project = on_spark.project
    marts = project.marts()
    for table in ("intermediate.int_impressions_ledger", "analytics.engagement_daily"):
        lose(project, table, "2025-03-20")
    project.next_run("int_impressions_ledger", "engagement_daily")
    assert project.marts() == marts
    assert files(project).keys() == on_spark.after.keys()


def lose(project: SparkProject, table: str, day: str) -> None:
    """Mark a table as unfinished, with the files of one day missing."""
    project.execute(
        f"alter table {table} set tblproperties ('recwatch.unfinished' = 'true')",
    )
    shutil.rmtree(project.directory_of(table) / f"day={day}")
    project.execute(f"refresh table {table}")
    assert project.rows(f"select count(*) from {table} where day = date '{day}'") == [(0,)]
