"""What a run on Spark writes, seen in the files of its tables."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.project.raw_rows import impression, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.spark_project import SparkProject

# Those that have rows here: the others are built once, as marts without rows.
MARTS = "path:models/marts/engagement"
NIGHT = "timestamptz '2025-04-02 00:00:00+00'"


def march(*days: int) -> set[str]:
    return {f"2025-03-{day:02d}" for day in days}


@pytest.fixture
def thirty_days(new_project: Callable[..., SparkProject]) -> SparkProject:
    """An impression and a session a day, built."""
    project = new_project("spark")
    for day in range(1, 31):
        project.execute(impression(day, day), session(day, day))
    project.dbt("seed")
    project.dbt("run")
    return project


def files(project: SparkProject) -> dict[str, dict[str, frozenset[str]]]:
    """The files of every partition of every table that runs build."""
    tables = [
        table
        for table in project.relations("intermediate", "analytics", "experiments")
        if table.endswith("_ledger") or not table.startswith("intermediate.")
    ]
    return {table: project.partitions(table) for table in tables}


def test_a_night_rewrites_only_the_partitions_it_touches(thirty_days: SparkProject) -> None:
    before = files(thirty_days)
    assert before["analytics.engagement_daily"].keys() == march(*range(1, 31))
    thirty_days.execute(
        impression(31, 31, loaded_at=NIGHT),
        impression(32, 12, loaded_at=NIGHT),  # late by 19 days
        impression(5, 9, loaded_at=NIGHT),  # a newer version, which moves from the 5th
    )
    thirty_days.next_run(f"+{MARTS}")
    after = files(thirty_days)

    changed = {
        table: {
            day
            for day in before[table] | after[table]
            if before[table].get(day) != after[table].get(day)
        }
        for table in after
        if before[table] or after[table]
    }
    touched = march(5, 9, 12, 31)
    # Refused and duplicate rows lie under the day of their load, here that of the night.
    assert changed.pop("intermediate.int_impressions_ledger") == touched
    # 5 and 9 have their sessions yet; a week is touched with the one after it, and by its end.
    assert changed.pop("analytics.session_coverage_daily") == march(5)
    assert changed.pop("analytics.data_quality_daily") == {"2025-04-01", "2025-04-02"}
    assert changed.pop("analytics.ctr_weekly") == {"2025-03-03", *march(10, 17, 24, 31)}
    ledgers = {table for table in changed if table.startswith("intermediate.")}
    assert not any(changed.pop(table) for table in ledgers)
    assert changed == dict.fromkeys(changed, touched)
    # The 5th is empty now: its partition is gone, and known to be gone.
    assert "2025-03-05" not in after["analytics.engagement_daily"]
    assert thirty_days.rows("show partitions analytics.engagement_daily") == [
        (f"day={day}",) for day in sorted(march(*range(1, 32)) - march(5))
    ]

    # What a run leaves that is killed while it replaces partitions: the mark, and one missing.
    marts = thirty_days.marts()
    for table in ("intermediate.int_impressions_ledger", "analytics.engagement_daily"):
        lose(thirty_days, table, "2025-03-20")
    thirty_days.next_run("int_impressions_ledger", f"int_impressions_ledger+,{MARTS}")
    assert thirty_days.marts() == marts
    assert files(thirty_days).keys() == after.keys()


def lose(project: SparkProject, table: str, day: str) -> None:
    """Mark a table as unfinished, with the files of one day missing."""
    project.execute(
        f"alter table {table} set tblproperties ('recwatch.unfinished' = 'true')",
    )
    shutil.rmtree(project.directory_of(table) / f"day={day}")
    project.execute(f"refresh table {table}")
    assert project.rows(f"select count(*) from {table} where day = date '{day}'") == [(0,)]
