"""Any history of runs gives what one full refresh gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.project.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project

ENGINES = ["duckdb", "postgres"]
OTHER_MARTS = [
    *("engagement_hourly", "session_coverage_daily", "funnel_daily"),
    *("dwell_histogram_daily", "payload_quality_daily", "data_quality_daily"),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("seed", "zone"), [(1, "UTC"), (2, "Europe/Berlin"), (3, "Asia/Kolkata")])
def test_increments_equal_one_full_refresh(
    engine: str, seed: int, zone: str, new_project: Callable[..., Project]
) -> None:
    project = new_project(engine, reporting_timezone=zone)
    history = History(seed)
    project.dbt("seed")
    for _ in range(3):
        history.arrive(project)
        project.dbt("run")
    # A run that ended after some of its models: the next one repairs it. (`ctr_weekly` without
    # the mart it reads must not take its weeks for done.)
    history.arrive(project)
    project.dbt(
        "run",
        "--select",
        "intermediate.ledgers",
        "ctr_weekly",
        *history.random.sample(OTHER_MARTS, 3),
    )
    project.dbt("run")
    incremental = project.marts()
    project.dbt("run", "--full-refresh")
    full = project.marts()
    assert incremental.keys() == full.keys()
    assert all(full[mart] for mart in full)
    for mart in full:
        assert incremental[mart] == full[mart], mart
