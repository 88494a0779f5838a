"""What the comparison needs of the warehouse beside the alerts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from alerts.demo.compare import Observed
from alerts.warehouse import Relation

if TYPE_CHECKING:
    from datetime import date

    from alerts.warehouse import Project, Warehouse


def observe(warehouse: Warehouse, project: Project) -> Observed:
    """Rows by table and reason, and the users of experiments."""
    prefix = project.schema_prefix
    quality = Relation.parse("analytics.data_quality_daily", prefix)
    counted = warehouse.aggregate(quality, ["source_table", "reason"], [("sum", "rows")])
    rejected = warehouse.select(
        Relation(project.raw_schema, "rejected_rows"), ["source_table", "reason"]
    )
    return Observed(
        rows={(str(table), str(reason)): int(rows) for table, reason, rows in counted},
        rejected=Counter((str(table), str(reason)) for table, reason in rejected),
        exposed=_exposed(warehouse, prefix),
    )


def _exposed(warehouse: Warehouse, prefix: str) -> dict[str, int]:
    """By experiment, the most users that its smallest arm with any weight ever had exposed."""
    rows = warehouse.aggregate(
        Relation.parse("experiments.experiment_srm_daily", prefix),
        ["experiment_key", "variation"],
        [("max", "exposed_users"), ("max", "expected_weight")],
    )
    fewest: dict[str, int] = {}
    for key, _, users, weight in rows:
        if weight:
            fewest[str(key)] = min(int(users), fewest.get(str(key), int(users)))
    return fewest


def loaded_through(warehouse: Warehouse, prefix: str) -> dict[date, Any]:
    """Each day of `engagement_daily` with the newest `loaded_at` among its rows."""
    relation = Relation.parse("analytics.engagement_daily", prefix)
    rows = warehouse.aggregate(relation, ["day"], [("max", "loaded_through")])
    return {cast("date", day): moment for day, moment in rows}
