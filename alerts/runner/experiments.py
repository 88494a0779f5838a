"""What the marts say of an experiment: one query per mart, and only the rows that are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError
from alerts.experiments.evidence import (
    HEALTH_COLUMNS,
    METRIC_COLUMNS,
    MOMENTS_COLUMNS,
    PERIOD,
    PLAN_COLUMNS,
    USERS_COLUMNS,
    Evidence,
    health_of,
    moments_of,
    plan_of,
    users_of,
)
from alerts.experiments.horizon import day_of_decision
from alerts.warehouse.base import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from alerts.experiments.evidence import ByArm, Cell, Plan
    from alerts.warehouse import Warehouse

SCHEMA = "experiments"


@dataclass(frozen=True)
class Marts:
    """The marts of one experiment.

    Attributes:
        warehouse: Where they are.
        key: Of the experiment.
        prefix: Of the schemas of a developer database.
    """

    warehouse: Warehouse
    key: str
    prefix: str = ""

    def evidence(
        self,
        as_of: date | None,
        default_days: float,
        zone: ZoneInfo,
        *,
        moments: bool = True,
        looks: bool = False,
    ) -> Evidence:
        """The evidence at the end of a day, and of the earlier day that decided success.

        Args:
            as_of: The day; the marts' last one by default.
            default_days: The duration of an experiment whose plan has none.
            zone: Of the marts' days.
            moments: Whether they are wanted: users by arm do without.
            looks: Whether those of every earlier day are wanted too, of what decides.

        Raises:
            ConfigurationError: There is no such experiment, or the marts have no such day of it.
            WarehouseError: The marts cannot be read.
        """
        plan = self.plan()
        day = _day(plan, as_of)
        if day is None:
            return Evidence(plan, None, {}, (), None, looks={} if looks else None)
        users = users_of(self._rows("experiment_srm_daily", USERS_COLUMNS, {"day": ("<=", day)}))
        health = self._rows("experiment_health_daily", HEALTH_COLUMNS, {"day": ("=", day)})
        whole = _is_whole(plan, day, zone)
        decided = day_of_decision(plan, users, day, default_days, is_whole=whole)
        earlier = decided if moments and decided is not None and decided < day else None
        found = Evidence(
            plan=plan,
            day=day,
            moments=self._moments(day) if moments else {},
            users=users,
            health=health_of(health),
            is_whole=whole,
            horizon=None if earlier is None else self._moments(earlier),
            horizon_day=earlier,
        )
        return replace(found, looks=self._looks(found)) if looks else found

    def plan(self) -> Plan:
        """The plan; an error that names similar experiments where there is none of this key."""
        rows = self._rows("experiment_plans", PLAN_COLUMNS)
        if not rows:
            raise ConfigurationError(self._unknown())
        return plan_of(rows[0], self._rows("experiment_plan_metrics", METRIC_COLUMNS))

    def _moments(self, day: date) -> Mapping[Cell, ByArm]:
        rows = self._rows(
            "experiment_moments_daily", MOMENTS_COLUMNS, {"day": ("=", day)}, exact=True
        )
        return moments_of(rows)

    def _looks(self, evidence: Evidence) -> Mapping[date, Mapping[Cell, ByArm]]:
        """The moments of what decides on every day up to that of the evidence, in one query."""
        first, last = evidence.period_day, evidence.day
        if first is None or last is None:
            return {}
        names = {metric.metric for metric in evidence.plan.of_role("primary")}
        rows = self._rows(
            "experiment_moments_daily",
            ("day", *MOMENTS_COLUMNS),
            {
                "day": (">=", first),
                "segment_type": ("=", PERIOD),
                "segment": ("=", str(evidence.period)),
            },
            exact=True,
        )
        by_day: dict[date, list[dict[str, Any]]] = {}
        for row in rows:
            if row["metric"] in names and row["day"] <= last:
                by_day.setdefault(row["day"], []).append(row)
        return {day: moments_of(found) for day, found in by_day.items()}

    def _rows(
        self,
        mart: str,
        columns: Sequence[str],
        where: Mapping[str, tuple[str, Any]] | None = None,
        *,
        exact: bool = False,
    ) -> list[dict[str, Any]]:
        conditions = {"experiment_key": ("=", self.key), **(where or {})}
        relation = Relation(self.prefix + SCHEMA, mart)
        rows = self.warehouse.select(relation, columns, conditions, exact=exact)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _unknown(self) -> str:
        relation = Relation(self.prefix + SCHEMA, "experiment_plans")
        known = sorted(str(row[0]) for row in self.warehouse.select(relation, ["experiment_key"]))
        if not known:
            return (
                f"no experiment {self.key!r}: {relation} is empty; load `experiments`, `dbt build`"
            )
        close = get_close_matches(self.key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known[:8])}"
        return f"no experiment {self.key!r} in {relation}: {hint}"


def _day(plan: Plan, as_of: date | None) -> date | None:
    """The day to judge by; None where the experiment has none yet."""
    first, last = plan.first_day, plan.last_day
    if first is None or last is None or last < first:
        return None
    if as_of is None:
        return last
    if not first <= as_of <= last:
        msg = f"--as-of {as_of}: the marts have {plan.experiment_key} from {first} to {last}"
        raise ConfigurationError(msg)
    return as_of


def _is_whole(plan: Plan, day: date, zone: ZoneInfo) -> bool:
    """Whether the day is over: the marts have a later one, or the experiment ended on it.

    An end at midnight is the end of the day before.
    """
    if plan.last_day is not None and day < plan.last_day:
        return True
    if plan.ended_at is None or plan.status != "completed":
        return False
    last_moment = plan.ended_at.astimezone(zone) - timedelta(microseconds=1)
    return last_moment.date() <= day
