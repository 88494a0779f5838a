"""The marts of experiments against a reference that goes user by user, whole and in increments."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from tests.project.experiment_logs import blend_weights, coverage, hourly
from tests.project.experiment_reference import PAIRS, Experiment
from tests.project.experiment_shop import make_shop
from tests.project.harness import assert_same_marts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from tests.project.experiment_shop import Shop
    from tests.project.harness import Project

LOADED = dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
KEYS = ("ramped", "telemetry", "restarted", "ended")
EXPERIMENTS = "+marts.experiments"
SELECTED = ("--select", EXPERIMENTS)


def exact_rows(
    project: Project, columns: str, relation: str, schema: str = "experiments"
) -> list[tuple[Any, ...]]:
    with project.cursor() as cursor:
        cursor.execute(f"select {columns} from {schema}.{relation}")
        return [tuple(row) for row in cursor.fetchall()]


def assert_marts_equal_the_reference(project: Project, shop: Shop) -> None:
    sums = ", ".join(f"sum_{pair}" for pair in PAIRS)
    found = {
        row[:6]: tuple(Fraction(value) for value in row[6:])
        for row in exact_rows(
            project,
            f"experiment_key, metric, segment_type, segment, variation, day, users, {sums}",
            "experiment_moments_daily",
        )
    }
    expected = {key: row for name in KEYS for key, row in Experiment(shop, name).moments()}
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    different = {key: (found[key], expected[key]) for key in found if found[key] != expected[key]}
    assert not different, (len(different), list(different.items())[:2])
    assert any(any(row) for row in expected.values())

    found_health = exact_rows(
        project,
        "experiment_key, day, assigned_users, exposed_users, exposed_without_assignment,"
        " assigned_without_exposure, mixed_users, exposed_to_other_variation",
        "experiment_health_daily",
    )
    assert sorted(found_health) == sorted(
        row for name in KEYS for row in Experiment(shop, name).health()
    )

    found_srm = exact_rows(
        project,
        "experiment_key, day, variation, weight_period, assigned_users, exposed_users,"
        " mixed_users, expected_weight, expected_users",
        "experiment_srm_daily",
    )
    expected_srm = [row for name in KEYS for row in Experiment(shop, name).srm()]
    assert sorted(row[:7] for row in found_srm) == sorted(row[:7] for row in expected_srm)
    for one, other in zip(sorted(found_srm), sorted(expected_srm), strict=True):
        assert one[7:] == pytest.approx(other[7:], rel=1e-12)

    cell = ("day", "experiment_key", "variation", "namespace", "surface", "user_type", "device")
    assert_counts_equal(project, "blend_weights_daily", cell, blend_weights(shop))
    measured = ", ".join([*cell, "coverage_blocks", "candidate_coverage"])
    found_coverage = exact_rows(project, measured, "blend_weights_daily where coverage_blocks > 0")
    assert {row[:7]: row[7:] for row in found_coverage} == coverage(shop) != {}
    assert_counts_equal(
        project,
        "experiment_hourly",
        ("hour", "experiment_key", "variation", "surface"),
        hourly(shop),
    )


def assert_counts_equal(
    project: Project, mart: str, grain: tuple[str, ...], expected: dict[Any, Counter[str]]
) -> None:
    names = sorted({name for counts in expected.values() for name in counts})
    found = {
        row[: len(grain)]: tuple(map(Fraction, row[len(grain) :]))
        for row in exact_rows(project, ", ".join([*grain, *names]), mart)
    }
    assert found == {key: tuple(counts[name] for name in names) for key, counts in expected.items()}


@pytest.mark.parametrize(("engine", "seed"), [("duckdb", 1), ("postgres", 3)])
def test_experiments_equal_a_plain_reference_however_their_rows_arrive(
    engine: str, seed: int, new_project: Callable[..., Project]
) -> None:
    shop = make_shop(seed)
    project = new_project(engine)
    project.dbt("seed")
    shop.insert(project, LOADED, 0, 3)
    project.dbt("run", *SELECTED)
    shop.insert(project, LOADED + dt.timedelta(hours=1), 1, 3)
    project.next_run(EXPERIMENTS)
    shop.insert(project, LOADED + dt.timedelta(hours=2), 2, 3)
    project.next_run(EXPERIMENTS)
    assert_marts_equal_the_reference(project, shop)
    # A model that does not know what it has taken in would be computed whole every night.
    assert exact_rows(project, "*", "build_log where batch is null", "intermediate") == []
    # On Postgres the parity holds increments against a whole.
    if engine == "duckdb":
        incremental = project.marts()
        project.full_refresh(EXPERIMENTS)
        assert_same_marts(incremental, project.marts())
