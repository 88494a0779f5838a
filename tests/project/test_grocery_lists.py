"""Lists of real households give the figures that were computed without this product."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from alerts.raw.loader import load_file
from alerts.warehouse import Target, open_warehouse
from tests.project.harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project

DATA = ROOT.parent / "shared" / "data" / "grocery_lists"
EXACT = ("p50", "p90", "p95", "p99")
DRAWN_ABOVE = 150

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real lists (shared/data/grocery_lists) are not part of a clone"
)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((DATA / "expected.json").read_text())  # type: ignore[no-any-return]


def overlaps(project: Project) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of the mart by cohort."""
    names = ("cohort_type", "cohort", "users", "pairs", "is_exact", "mean", "stderr", *EXACT)
    rows = project.rows(f"select {', '.join(names)} from analytics.topk_overlap_daily")
    return {row[:2]: dict(zip(names, row, strict=True)) for row in rows}


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_overlap_and_entropy_have_the_figures(
    engine: str, expected: dict[str, Any], new_project: Callable[..., Project]
) -> None:
    project = new_project(engine, raw_tables=False)
    with closing(
        open_warehouse(Target(engine, engine, project.output), read_only=False)
    ) as warehouse:
        warehouse.create_raw_tables("raw")
        file = DATA / "decision_traces.jsonl.gz"
        result = load_file(warehouse, "raw", "decision_traces", file)
    assert (result.rows, result.rejected) == (expected["requests"], {})
    project.dbt("seed")
    project.dbt("run", "--select", "+personalization_daily")

    [day] = project.rows(
        "select day, requests, served_items, brand_entropy, brand_entropy_normalized,"
        " category_entropy, category_entropy_normalized, catalog_overlap_pct, overlap_pairs"
        " from analytics.personalization_daily"
    )
    everyone = expected["overlap"][0]
    assert day[:3] == (
        dt.date.fromisoformat(expected["day"]),
        expected["requests"],
        expected["served_items"],
    )
    entropies = [
        expected[f"{attribute}_entropy"][name]
        for attribute in ("brand", "category")
        for name in ("bits", "normalized")
    ]
    assert day[3:7] == pytest.approx(entropies, rel=1e-12)
    assert day[7:] == (pytest.approx(everyone["mean"], abs=1e-12), everyone["pairs"])

    exact = overlaps(project)
    assert len(exact) == len(expected["overlap"])
    for cohort in expected["overlap"]:
        row = exact[cohort["cohort_type"], cohort["cohort"]]
        assert (row["users"], row["pairs"]) == (cohort["users"], cohort["pairs"])
        assert (row["is_exact"], row["stderr"]) == (True, 0)
        assert row["mean"] == pytest.approx(cohort["mean"], abs=1e-12)
        assert [row[name] for name in EXACT] == pytest.approx(
            [cohort[name] for name in EXACT], abs=1e-12
        )

    # The same by drawn pairs, which a changed setting has the next run compute.
    project.dbt_vars["overlap_exact_max_users"] = DRAWN_ABOVE
    project.dbt("run", "--select", "topk_overlap_daily", "personalization_daily")
    drawn = overlaps(project)
    for cohort in expected["overlap"]:
        row = drawn[cohort["cohort_type"], cohort["cohort"]]
        assert (row["users"], row["pairs"]) == (cohort["users"], 50 * cohort["users"])
        assert not row["is_exact"]
        assert 0 < row["stderr"] < 0.001
        assert abs(row["mean"] - cohort["mean"]) < 3 * row["stderr"]
    [(mean,)] = project.rows("select catalog_overlap_pct from analytics.personalization_daily")
    assert mean == drawn["all", "all"]["mean"]
