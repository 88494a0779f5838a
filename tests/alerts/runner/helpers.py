"""Rules, runs and results, in the words of the tests."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.rules import DEFAULT_RULES, RuleSet, load_rules
from alerts.runner import (
    Evaluation,
    Result,
    Settings,
    evaluate,
)
from alerts.runner.watch import Known, watch
from tests.alerts.handmade import DAY_ONE, Marts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alerts.runner.compose import Outgoing


def rule(**fields: Any) -> dict[str, Any]:
    base = {
        "name": "r",
        "mart": "analytics.engagement_daily",
        "metric": "ctr",
        "by": ["surface"],
        "when": "< 0.04",
    }
    return {**base, **{name.rstrip("_"): value for name, value in fields.items()}}


def ruleset(tmp_path: Path, *rules: dict[str, Any], receivers: str = "") -> RuleSet:
    file = tmp_path / "rules.yml"
    listed = "".join(f"  - {json.dumps(one)}\n" for one in rules)
    file.write_text(f"version: 1\n{receivers}rules:\n{listed}")
    return load_rules([file])


def run(
    marts: Marts,
    *rules: dict[str, Any],
    as_of: date | None = None,
    now: datetime | None = None,
    **settings: Any,
) -> Evaluation:
    loaded = ruleset(marts.path.parent, *rules)
    with closing(marts.open()) as warehouse:
        return evaluate(loaded.rules, warehouse, as_of, Settings(**settings), now)


def shipped(marts: Marts, as_of: date | None = None) -> Evaluation:
    with closing(marts.open()) as warehouse:
        return evaluate(load_rules([DEFAULT_RULES]).rules, warehouse, as_of)


def decide(evaluation: Evaluation, rules: RuleSet, flags: Sequence[str] = ()) -> Sequence[Outgoing]:
    """What a first run would send."""
    now = datetime(2025, 4, 1, tzinfo=UTC)
    return watch(evaluation, rules, Known("duckdb", now, flags=flags)).outgoing


def states(evaluation: Evaluation) -> dict[str, str]:
    return {",".join(v for _, v in one.labels): one.state for one in evaluation.results}


def one(evaluation: Evaluation) -> Result:
    (result,) = evaluation.results
    return result


def day(offset: int) -> date:
    return DAY_ONE + timedelta(days=offset)
