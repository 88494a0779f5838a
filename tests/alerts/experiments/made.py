"""An experiment made by hand: rows as the marts have them, as evidence or in a DuckDB file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from alerts.experiments.evidence import (
    Evidence,
    health_of,
    moments_of,
    plan_of,
    users_of,
)
from alerts.experiments.horizon import day_of_decision
from tests.alerts.handmade import transaction

ROOT = Path(__file__).parents[3]
DAY_ONE = date(2025, 3, 3)
LOADED = datetime(2025, 6, 1, tzinfo=UTC)
MARTS = (
    "experiment_plans",
    "experiment_plan_metrics",
    "experiment_srm_daily",
    "experiment_moments_daily",
    "experiment_health_daily",
)
SUMS = ["m", "d", "p", "q", "mm", "dd", "pp", "qq", "md", "mp", "mq", "dp", "dq", "pq"]


def metric(name: str, role: str = "secondary", **more: Any) -> dict[str, Any]:
    kind = {"ctr": "proportion", "revenue_per_user": "mean"}.get(name, "proportion")
    lower = name in {"bounce_rate", "over_threshold_rate"}
    row = {
        "metric": name,
        "role": role,
        "is_measured": True,
        "kind": kind,
        "direction": "lower_is_better" if lower else "higher_is_better",
        "threshold": None,
        "margin": 0.0,
        "margin_type": "relative",
        "scale": 1.0,
    }
    return row | more


METRICS = (
    metric("ctr", "primary"),
    metric("revenue_per_user"),
    metric("bounce_rate", "guardrail", threshold="+10%"),
)


@dataclass
class Arm:
    """An arm: users in all, and the rate of each metric (0.1 where none is given)."""

    users: int = 2000
    weight: float = 0.5
    rates: dict[str, float] = field(default_factory=dict)
    mixed: int = 0
    exposed: float = 1.0


@dataclass
class Made:
    """An experiment of so many days; a ramp's periods are (first day, weight by arm)."""

    arms: dict[str, Arm] = field(default_factory=lambda: {"control": Arm(), "treatment": Arm()})
    days: int = 20
    key: str = "exp"
    plan: dict[str, Any] = field(default_factory=dict)
    metrics: tuple[dict[str, Any], ...] = METRICS
    periods: tuple[tuple[int, dict[str, float]], ...] = ()
    health: dict[str, int] = field(default_factory=dict)

    def day(self, number: int) -> date:
        return DAY_ONE + timedelta(days=number)

    def plan_row(self) -> dict[str, Any]:
        periods = self.spans()
        row = {
            "experiment_key": self.key,
            "name": "Made [by hand]",
            "status": "running",
            "owner": "tests",
            "source": "personalization_metrics",
            "control": "control",
            "arms": len(self.arms),
            "weight_periods": len(periods),
            "weights_changed_at": None,
            "started_at": datetime.combine(DAY_ONE, datetime.min.time(), UTC),
            "ended_at": None,
            "first_day": DAY_ONE,
            "last_day": self.day(self.days - 1),
            "decision_day": self.day(periods[-1][0]),
            "min_duration_days": 14.0,
            "horizon_users": None,
            "latency_threshold_ms": None,
            "updated_at": LOADED,
            "loaded_through": LOADED,
        }
        return row | self.plan

    def spans(self) -> tuple[tuple[int, dict[str, float]], ...]:
        return self.periods or ((0, {name: arm.weight for name, arm in self.arms.items()}),)

    def counts(self, name: str, number: int) -> list[int]:
        """Users of an arm assigned to the end of a day, by the period in which they came."""
        arm, spans = self.arms[name], self.spans()
        per_day = arm.users / self.days
        starts = [start for start, _ in spans]
        return [
            max(0, round(per_day * (min(end, number + 1))) - round(per_day * start))
            for start, end in zip(starts, [*starts[1:], self.days], strict=True)
        ]

    def users_rows(self) -> list[dict[str, Any]]:
        rows = []
        for number in range(self.days):
            for index, (start, weights) in enumerate(self.spans()):
                counts = {name: self.counts(name, number)[index] for name in self.arms}
                for name, arm in self.arms.items() if number >= start else ():
                    rows.append(
                        {
                            "experiment_key": self.key,
                            "variation": name,
                            "weight_period": index + 1,
                            "assigned_users": counts[name],
                            "exposed_users": round(counts[name] * arm.exposed),
                            "expected_weight": weights.get(name, 0.0),
                            "expected_users": weights.get(name, 0.0) * sum(counts.values()),
                            "mixed_users": arm.mixed,
                            "loaded_through": LOADED,
                            "day": self.day(number),
                        }
                    )
        return rows

    def health_rows(self) -> list[dict[str, Any]]:
        rows = []
        for number in range(self.days):
            assigned = sum(sum(self.counts(name, number)) for name in self.arms)
            exposed = sum(
                round(sum(self.counts(name, number)) * arm.exposed)
                for name, arm in self.arms.items()
            )
            row = {
                "experiment_key": self.key,
                "assigned_users": assigned,
                "exposed_users": exposed,
                "exposed_without_assignment": 0,
                "assigned_without_exposure": assigned - exposed,
                "mixed_users": sum(arm.mixed for arm in self.arms.values()),
                "exposed_to_other_variation": 0,
                "loaded_through": LOADED,
                "day": self.day(number),
            }
            rows.append(row | self.health)
        return rows

    def moments_rows(self, numbers: list[int] | None = None) -> list[dict[str, Any]]:
        rows = []
        for number in range(self.days) if numbers is None else numbers:
            for one in self.metrics:
                if one["is_measured"]:
                    for index, name in enumerate(self.arms):
                        rows += self._cells(number, one, name, index)
        return rows

    def _cells(
        self, number: int, one: dict[str, Any], name: str, index: int
    ) -> list[dict[str, Any]]:
        arm = self.arms[name]
        counts = [round(count * arm.exposed) for count in self.counts(name, number)]
        rate = arm.rates.get(one["metric"], 0.1)
        values = population(one["metric"], one["kind"], index, rate)
        chosen, at = [], 0
        for period, count in enumerate(counts):
            chosen.append((str(period + 1), slice(at, at + count)))
            at += count
        everyone = values[:, :at]
        cells: list[tuple[str, str, Any]] = [("all", "all", everyone)]
        cells += [("weight_period", label, values[:, part]) for label, part in chosen]
        cells += [("device", "ios", everyone[:, ::2]), ("device", "web", everyone[:, 1::2])]
        cells += [
            ("user_type", "new", everyone[:, ::3]),
            ("user_type", "returning", everyone[:, 1::3]),
        ]
        cells += [("surface", "home", everyone), ("surface", "pdp", everyone[:, ::4])]
        return [
            {
                "experiment_key": self.key,
                "metric": one["metric"],
                "segment_type": kind,
                "segment": segment,
                "variation": name,
                **sums(matrix),
                "loaded_through": LOADED,
                "day": self.day(number),
            }
            for kind, segment, matrix in cells
        ]

    def evidence(self, number: int | None = None, *, is_whole: bool = True) -> Evidence:
        """The evidence at the end of a day, the last one by default, as the runner gathers it."""
        last = self.days - 1 if number is None else number
        day = self.day(last)
        plan = plan_of(self.plan_row(), self.metrics)
        if plan.first_day is None:
            return Evidence(plan, None, {}, (), None)
        users = users_of(row for row in self.users_rows() if row["day"] <= day)
        decided = day_of_decision(plan, users, day, 14, is_whole=is_whole)
        earlier = decided if decided and decided < day else None
        return Evidence(
            plan=plan,
            day=day,
            moments=moments_of(self.moments_rows([last])),
            users=users,
            health=health_of([row for row in self.health_rows() if row["day"] == day]),
            is_whole=is_whole,
            horizon=earlier and moments_of(self.moments_rows([(earlier - DAY_ONE).days])),
            horizon_day=earlier,
        )

    def rows(self, numbers: list[int] | None = None) -> dict[str, list[dict[str, Any]]]:
        """The rows of every mart, the moments of these days only."""
        return {
            "experiment_plans": [self.plan_row()],
            "experiment_plan_metrics": [{"experiment_key": self.key} | one for one in self.metrics],
            "experiment_srm_daily": self.users_rows() if self.plan_row()["first_day"] else [],
            "experiment_moments_daily": self.moments_rows(numbers or [13, self.days - 1]),
            "experiment_health_daily": self.health_rows(),
        }

    def write(self, path: Path, numbers: list[int] | None = None) -> None:
        """The marts in a DuckDB file, with the columns and types of their contracts."""
        with transaction(path) as connection:
            for statement in ddl():
                connection.execute(statement)
            for mart, rows in self.rows(numbers).items():
                if rows:
                    connection.register("made", pa.Table.from_pylist(rows))
                    connection.execute(f"insert into experiments.{mart} by name from made")


def ddl() -> list[str]:
    """The statements that make empty marts where there are none, on DuckDB and Postgres."""
    statements = ["create schema if not exists experiments"]
    for mart in MARTS:
        listed = ", ".join(f"{name} {kind}" for name, kind in contract(mart).items())
        statements.append(f"create table if not exists experiments.{mart} ({listed})")
    return statements


@cache
def contract(mart: str) -> dict[str, str]:
    """The columns of a mart with their types."""
    file = ROOT / "models" / "marts" / "experiments" / f"{mart}.yml"
    [model] = yaml.safe_load(file.read_text())["models"]
    return {column["name"]: column["data_type"] for column in model["columns"]}


@cache
def population(name: str, kind: str, index: int, rate: float, size: int = 20_000) -> Any:
    """m, d, p and q of each user; what users did before tells of what they do."""
    generator = np.random.default_rng([index, len(name), 7])
    habit = generator.beta(4, 4 / rate - 4, size)
    events = np.full(size, 20)
    before = np.full(size, 10)
    m = generator.binomial(events, habit)
    p = generator.binomial(before, habit)
    if kind == "mean":
        events = before = np.ones(size, dtype=np.int64)
    return np.array([m, events, p, before], dtype=object).astype(np.int64)


def sums(matrix: Any) -> dict[str, int]:
    """The columns of the moments of these users."""
    rows = dict(zip("mdpq", matrix, strict=True))
    found = {"users": int(matrix.shape[1])}
    for name in SUMS:
        factors = [rows[letter] for letter in name]
        found[f"sum_{name}"] = (
            int(np.prod(factors, axis=0).sum()) if len(name) > 1 else int(factors[0].sum())
        )
    return found
