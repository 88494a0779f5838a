"""The same raw rows give the same marts on every engine, and no raw row is lost on any."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.project.conftest import duckdb_output
from tests.project.experiment_shop import make_shop
from tests.project.harness import Project, assert_same_marts, environment
from tests.project.history import ARRIVALS, History

if TYPE_CHECKING:
    from collections.abc import Callable
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


def build(project: Project, at_once: bool = False) -> Project:
    """One ugly history, and a shop with experiments, built in two runs or at once, with every test
    of the project."""
    history = History(11, days=8)
    shop = make_shop(4)
    history.arrive(project, rows=400)
    shop.insert(project, ARRIVALS, 0, 2)
    if not at_once:
        project.dbt("build")
    history.arrive(project, rows=100)
    shop.insert(project, ARRIVALS + dt.timedelta(hours=17), 1, 2)
    if at_once:
        project.dbt("build")
    else:
        project.next_run()
    return project


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The marts on DuckDB, computed at once: what increments are to give on every engine."""
    directory = tmp_path_factory.mktemp("reference")
    project = Project("duckdb", duckdb_output(directory / "shop.duckdb"), directory, ZONE)
    project.create_raw_tables()
    return build(project, at_once=True)


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_engines_agree_and_no_row_is_lost(
    engine: str, reference: Project, new_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = build(new_project(engine, **ZONE))
    assert_same_marts(project.marts(), reference.marts())
    every_row_is_counted(project)
    quarantine_holds_what_was_refused(project)
    (tmp_path / "rules.yml").write_text(RULES)
    assert {"firing", "ok"} <= set(states(verdicts(project, tmp_path)))
    assert differences(verdicts(reference, tmp_path), verdicts(project, tmp_path)) == []


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
