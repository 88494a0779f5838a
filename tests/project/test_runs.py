"""What a run touches, what it leaves alone, and how a misled run is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.project.raw_rows import impression, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project

ENGINES = ["duckdb", "postgres"]
MARTS = "+path:models/marts/engagement"
DAY_MARTS = [
    *("engagement_daily", "session_coverage_daily", "funnel_daily", "dwell_histogram_daily"),
    *("dwell_percentiles_daily", "payload_quality_daily"),
]


def marked_days(project: Project) -> dict[str, set[int]]:
    """Days of March that each mart has recomputed since `mark`."""
    return {
        mart: {
            row[0].day
            for row in project.rows(
                f"select distinct day from analytics.{mart}"
                " where loaded_through <> timestamptz '1999-01-01 00:00:00+00'"
            )
        }
        for mart in DAY_MARTS
    }


def mark(project: Project) -> None:
    """Leave a sign on every row, which a recomputation removes."""
    project.execute(
        *(
            f"update analytics.{mart} set loaded_through = timestamptz '1999-01-01 00:00:00+00'"
            for mart in DAY_MARTS
        )
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_recomputes_the_days_that_changed_and_no_others(
    engine: str, new_project: Callable[..., Project]
) -> None:
    project = new_project(engine)
    for day in range(1, 21):
        project.execute(impression(day, day), session(day, day))
    project.dbt("seed")
    project.dbt("run", "--select", MARTS)
    every_day = set(range(1, 21))
    assert marked_days(project) == dict.fromkeys(DAY_MARTS, every_day)

    # Nothing new, though the newest rows lie within the overlap and are read again.
    mark(project)
    project.next_run(MARTS)
    assert marked_days(project) == {mart: set() for mart in DAY_MARTS}

    # One impression moves from the 5th to the 9th, with the session that began on the 12th.
    project.execute(
        impression(
            5,
            9,
            loaded_at="timestamptz '2025-04-02 00:00:00+00'",
            metadata="""'{"session_id": "s12"}'""",
        )
    )
    project.next_run(MARTS)
    days = marked_days(project)
    assert days.pop("session_coverage_daily") == {5, 12}
    # The 5th is empty now: its rows are gone, and not those of any other day.
    assert days == {mart: {9} for mart in days}
    assert project.rows("select count(distinct day) from analytics.engagement_daily") == [(19,)]

    # A save on the 18th touches the funnel of the seven days before it.
    mark(project)
    project.execute(
        "insert into raw.user_interactions"
        " (id, user_id, interaction_type, recommendation_id, created_at, loaded_at) values"
        " ('n1', 'u1', 'save', 'r17', timestamptz '2025-03-18 10:00:00+00',"
        " timestamptz '2025-04-03 00:00:00+00')"
    )
    project.next_run(MARTS)
    days = marked_days(project)
    assert days.pop("funnel_daily") == set(range(11, 19))
    assert days == {mart: set() for mart in days}
    assert project.rows("select day, saves from analytics.funnel_daily where saves > 0")[0][1] == 1

    # A row that is refused touches no mart but the count of refusals.
    mark(project)
    project.execute(
        impression(
            7,
            7,
            dwell_time_ms="-1",
            loaded_at="timestamptz '2025-04-04 00:00:00+00'",
        )
    )
    project.next_run(MARTS)
    assert marked_days(project) == {mart: set() for mart in DAY_MARTS}
    assert project.rows(
        "select rows from analytics.data_quality_daily where reason = 'invalid_dwell'"
    ) == [(1,)]


def test_another_time_zone_stops_the_run(new_project: Callable[..., Project]) -> None:
    project = new_project("duckdb")
    one_mart = ("--select", "+engagement_daily")
    project.execute(impression(1, 1))
    project.dbt("seed")
    project.dbt("run", *one_mart)
    project.dbt_vars["reporting_timezone"] = "Asia/Tokyo"
    result = project.dbt("run", *one_mart, ok=False)
    assert not result.success
    messages = " ".join(str(node.message) for node in result.result)
    assert "built with reporting_timezone UTC, this run has Asia/Tokyo" in messages
    assert "dbt build --full-refresh" in messages
    project.dbt("run", *one_mart, "--full-refresh")
    project.dbt("run", *one_mart)


def test_a_changed_column_stops_the_run(new_project: Callable[..., Project]) -> None:
    """On DuckDB, where one query of ours finds out whether dbt has anything to say."""
    project = new_project("duckdb")
    project.execute(impression(1, 1))
    project.dbt("seed")
    project.dbt("run", "--select", "+engagement_daily")
    for change, undone in (
        ("add column forgotten integer", "drop column forgotten"),
        ("alter column impressions type integer", "alter column impressions type bigint"),
    ):
        project.execute(f"alter table analytics.engagement_daily {change}")
        result = project.dbt("run", "--select", "engagement_daily", ok=False)
        assert not result.success
        messages = " ".join(str(node.message) for node in result.result)
        assert "schemas on this incremental model are out of sync" in messages
        project.execute(f"alter table analytics.engagement_daily {undone}")


def test_a_new_surface_is_taken_in_by_the_next_run(new_project: Callable[..., Project]) -> None:
    project = new_project("duckdb")
    for day in range(1, 6):
        project.execute(impression(day, day), session(day, day))
    project.execute(impression(6, 3, surface="'checkout'"))
    project.dbt("seed")
    project.dbt("run", "--select", MARTS)
    mark(project)
    project.execute(
        "insert into reference.surfaces (surface, has_impressions) values ('checkout', true)"
    )
    project.next_run(MARTS)
    days = marked_days(project)
    assert days.pop("session_coverage_daily") == {1, 2, 3, 4, 5}  # a column for all of them
    assert days == {mart: {3} for mart in days}
    incremental = project.marts(without="loaded_through")  # for that bears the sign
    project.full_refresh(MARTS)
    assert project.marts(without="loaded_through") == incremental


def test_another_hash_of_the_keys_is_noticed(new_project: Callable[..., Project]) -> None:
    project = new_project("duckdb")
    for day in range(1, 6):
        project.execute(impression(day, day), session(day, day))
    project.dbt("seed")
    project.dbt("run", "--select", MARTS)
    # As after a new version of the engine that hashes otherwise than the one that built this.
    project.execute(
        "update intermediate.int_impressions_ledger set row_key_hash = row_key_hash // 2",
        "update intermediate.build_log set settings = replace(settings, 'key_hash', 'old_hash')",
        # The only impression of the 5th moves to the 2nd.
        impression(5, 2, loaded_at="timestamptz '2025-04-02 00:00:00+00'"),
    )
    project.next_run(MARTS)
    incremental = project.marts()
    project.full_refresh(MARTS)
    assert project.marts() == incremental
