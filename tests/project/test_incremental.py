"""Any history of runs, ended and killed ones among them, gives what one full refresh gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.project.harness import assert_same_marts
from tests.project.history import History
from tests.project.killed import kill_a_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project


def test_increments_equal_one_full_refresh(new_project: Callable[..., Project]) -> None:
    """On DuckDB; the parity of the engines holds each one's increments against a whole."""
    project = new_project("duckdb", reporting_timezone="Asia/Kolkata")
    history = History(3)
    project.dbt("seed")
    history.arrive(project)
    project.dbt("run")
    history.arrive(project)
    project.next_run()
    history.arrive(project)
    project.ended_run(history.random)
    for _ in range(2):
        history.arrive(project)
        kill_a_run(project, after=history.random.uniform(0, 1.5))
    project.dbt("run")
    incremental = project.marts()
    project.full_refresh()
    assert_same_marts(incremental, project.marts())
