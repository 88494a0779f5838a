"""Any history of runs gives what one full refresh gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.project.harness import assert_same_marts
from tests.project.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project

OTHER_MARTS = [
    *("engagement_hourly", "session_coverage_daily", "funnel_daily"),
    *("dwell_histogram_daily", "payload_quality_daily", "data_quality_daily"),
    *("int_served_items_daily", "topk_overlap_daily", "candidate_sources_daily"),
    "personalization_intraday",
]


@pytest.mark.parametrize(
    ("engine", "seed", "zone"),
    [("postgres", 2, "Europe/Berlin"), ("duckdb", 3, "Asia/Kolkata")],
)
def test_increments_equal_one_full_refresh(
    engine: str, seed: int, zone: str, new_project: Callable[..., Project]
) -> None:
    project = new_project(engine, reporting_timezone=zone)
    history = History(seed)
    project.dbt("seed")
    history.arrive(project)
    project.dbt("run")
    history.arrive(project)
    project.next_run()
    # A run that ended after some of its models: the next one repairs it. (`ctr_weekly` and
    # `personalization_daily` without what they read must not take their days for done.)
    history.arrive(project)
    project.dbt(
        "run",
        "--select",
        "intermediate.ledgers",
        "ctr_weekly",
        "personalization_daily",
        *history.random.sample(OTHER_MARTS, 4),
    )
    project.next_run()
    incremental = project.marts()
    project.full_refresh()
    assert_same_marts(incremental, project.marts())
