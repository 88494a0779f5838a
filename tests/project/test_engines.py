"""The same raw rows give the same marts on every engine, and no raw row is lost on any."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.project.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project

TABLES = {
    "personalization_metrics": "int_impressions_ledger",
    "user_interactions": "int_interactions_ledger",
    "sessions": "int_sessions_ledger",
    "experiments": "int_experiments_ledger",
    "experiment_assignments": "int_assignments_ledger",
    "personalization_settings": "int_settings_ledger",
}


def same(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Rows equal: floats to 1e-9 relative, everything else exactly."""
    return len(left) == len(right) and all(
        math.isclose(a, b, rel_tol=1e-9)
        if isinstance(a, float) and isinstance(b, float)
        else (a == b and type(a) is type(b))
        for a, b in zip(left, right, strict=True)
    )


@pytest.fixture
def built(new_project: Callable[..., Project]) -> dict[str, Project]:
    """One ugly history on every engine, built in two runs with every test of the project."""
    projects = {}
    for engine in ("duckdb", "postgres"):
        project = new_project(engine, reporting_timezone="Europe/Berlin")
        history = History(11)
        history.arrive(project, rows=400)
        project.dbt("build")
        history.arrive(project, rows=100)
        project.dbt("build")
        projects[engine] = project
    return projects


def test_engines_agree_and_no_row_is_lost(built: dict[str, Project]) -> None:
    duckdb, postgres = built["duckdb"].marts(), built["postgres"].marts()
    assert duckdb.keys() == postgres.keys()
    for mart in duckdb:
        assert len(duckdb[mart]) == len(postgres[mart]) > 0, mart
        different = [
            pair for pair in zip(duckdb[mart], postgres[mart], strict=True) if not same(*pair)
        ]
        assert not different, (mart, different[:3])
    for project in built.values():
        every_row_is_counted(project)
        quarantine_holds_what_was_refused(project)


def every_row_is_counted(project: Project) -> None:
    """Raw + rejected = accepted + duplicate + refused, on every load day of every table."""
    zone = project.dbt_vars["reporting_timezone"]
    for table in TABLES:
        day = f"cast(loaded_at at time zone '{zone}' as date)"
        arrived = dict(
            project.rows(
                f"select day, count(*) from (select {day} as day from raw.{table} union all"
                f" select {day} from raw.rejected_rows where source_table = '{table}') as rows"
                " group by day"
            )
        )
        counted = dict(
            project.rows(
                "select day, cast(sum(rows) as bigint) from analytics.data_quality_daily"
                f" where source_table = '{table}' group by day"
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
            project.rows(
                "select reason, count(*) from raw.rejected_rows"
                f" where source_table = '{table}' group by reason"
            )
        )
        counted = dict(
            project.rows(
                "select reason, cast(sum(rows) as bigint) from analytics.data_quality_daily"
                f" where source_table = '{table}' and reason not in ('accepted', 'duplicate')"
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
    }
