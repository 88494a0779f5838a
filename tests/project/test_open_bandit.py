"""Real recommender logs give the figures that were computed without this product."""

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

MARTS = ("engagement_hourly", "payload_quality_daily", "ctr_weekly")  # and engagement_daily
DATA = ROOT.parent / "shared" / "data" / "open_bandit"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real logs (shared/data/open_bandit) are not part of a clone"
)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((DATA / "expected.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("engine", "zone"),
    [
        *(("duckdb", "UTC"), ("duckdb", "Asia/Tokyo")),
        *(("postgres", "UTC"), ("postgres", "Asia/Tokyo")),
        ("spark", "UTC"),
    ],
)
def test_marts_have_the_figures(
    engine: str, zone: str, expected: dict[str, Any], new_project: Callable[..., Project]
) -> None:
    project = new_project(engine, raw_tables=False, reporting_timezone=zone)
    with closing(
        open_warehouse(Target(engine, engine, project.output), read_only=False)
    ) as warehouse:
        warehouse.create_raw_tables("raw")
        result = load_file(
            warehouse,
            "raw",
            "personalization_metrics",
            DATA / "personalization_metrics.jsonl.gz",
        )
    assert (result.rows, result.rejected) == (expected["rows"], {})
    project.dbt("seed")
    project.dbt("run", "--select", *(f"+{mart}" for mart in MARTS))

    daily = project.rows(
        "select day, surface, variation, impressions, clicks, users, ctr"
        " from analytics.engagement_daily order by 1, 2, 3"
    )
    wanted = expected[f"engagement_daily[{zone}]"]
    assert [row[:6] for row in daily] == [
        (
            dt.date.fromisoformat(row["day"]),
            *(row[name] for name in ("surface", "variation", "impressions", "clicks", "users")),
        )
        for row in wanted
    ]
    assert [row[6] for row in daily] == pytest.approx([row["ctr"] for row in wanted], abs=1e-15)

    hours, most = project.rows(
        "select count(*), max(impressions) from analytics.engagement_hourly"
    )[0]
    assert hours == expected["engagement_hourly rows"]
    assert most == expected["engagement_hourly max impressions"]

    categories = project.rows(
        "select surface, value, sum(impressions), sum(clicks) from analytics.payload_quality_daily"
        " where attribute = 'category' group by surface, value order by surface, value"
    )
    assert categories == [
        (row["surface"], row["value"], row["impressions"], row["clicks"])
        for row in expected["payload category totals"]
    ]
    if zone == "UTC":
        weekly = project.rows(
            "select week, surface, impressions, clicks, ctr from analytics.ctr_weekly order by 1, 2"
        )
        wanted = expected["ctr_weekly[UTC]"]
        assert [row[:4] for row in weekly] == [
            (
                dt.date.fromisoformat(row["week"]),
                *(row[name] for name in ("surface", "impressions", "clicks")),
            )
            for row in wanted
        ]
        assert [row[4] for row in weekly] == pytest.approx(
            [row["ctr"] for row in wanted], abs=1e-15
        )
