"""Marts of experiments made by hand, beside those of `handmade`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.alerts.handmade import DAY_ONE, Marts

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime(2025, 3, 3, tzinfo=UTC)


def on(day: int) -> date:
    return DAY_ONE + timedelta(days=day)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@dataclass
class Level:
    """One arm of a metric: users of whom each has `events`, a share of them `hits`."""

    users: int
    hits: float
    events: int = 10


class Trials(Marts):
    """Marts with those of experiments."""

    def row(self, mart: str, **values: Any) -> None:
        named = ", ".join(f"? as {name}" for name in values)
        self.execute(
            f"insert into {self.prefix}experiments.{mart} by name select {named}",
            [tuple(values.values())],
        )

    def plan(self, key: str = "e", **changed: Any) -> None:
        """An experiment that began on the first day, with `control` and no end."""
        given = {
            "source": "personalization_metrics",
            "status": "running",
            "control": "control",
            "started_at": START,
            "ended_at": None,
            "first_day": DAY_ONE,
            "last_day": on(30),
            "arms": 2,
            "weight_periods": 1,
        }
        self.row("experiment_plans", experiment_key=key, **(given | changed))

    def metric(self, metric: str, key: str = "e", **changed: Any) -> None:
        """A guardrail that allows 10 % more."""
        given = {
            "is_measured": True,
            "kind": "proportion",
            "direction": "lower_is_better",
            "threshold": "+10%",
            "scale": 1.0,
            "role": "guardrail",
        }
        row = {"experiment_key": key, "metric": metric}
        self.row("experiment_plan_metrics", **(row | given | changed))

    def split(
        self,
        day: int,
        users: Mapping[str, int],
        key: str = "e",
        *,
        weights: Mapping[str, float] | None = None,
        exposed: Mapping[str, int] | None = None,
        period: int = 1,
    ) -> None:
        """Users to date by arm; weights are even unless given."""
        for arm, count in users.items():
            self.row(
                "experiment_srm_daily",
                day=on(day),
                experiment_key=key,
                variation=arm,
                weight_period=period,
                assigned_users=count,
                exposed_users=(exposed or users)[arm],
                expected_weight=(weights or {}).get(arm, 1 / len(users)),
                mixed_users=0,
            )

    def moments(
        self,
        day: int,
        levels: Mapping[str, Level],
        metric: str = "slow_response_rate",
        key: str = "e",
        period: int = 1,
    ) -> None:
        """Moments to date of a share: half of the users have twice the hits, half have none."""
        for arm, one in levels.items():
            hits = one.users * one.events * one.hits
            self.row(
                "experiment_moments_daily",
                day=on(day),
                experiment_key=key,
                metric=metric,
                segment_type="weight_period",
                segment=str(period),
                variation=arm,
                users=one.users,
                sum_m=hits,
                sum_d=one.users * one.events,
                sum_mm=2 * hits * hits / one.users,
                sum_dd=one.users * one.events**2,
                sum_md=hits * one.events,
            )

    def health(self, day: int, key: str = "e", **counts: int) -> None:
        given = dict.fromkeys(
            (
                "assigned_users",
                "exposed_users",
                "exposed_without_assignment",
                "assigned_without_exposure",
                "mixed_users",
                "exposed_to_other_variation",
            ),
            0,
        )
        self.row("experiment_health_daily", day=on(day), experiment_key=key, **(given | counts))

    def hour(self, hour: int, arm: str, impressions: int, clicks: int, **more: Any) -> None:
        given = {"experiment_key": "e", "surface": "home", "adds": 0, "revenue": 0}
        counts = {"hour": at(hour), "variation": arm, "impressions": impressions, "clicks": clicks}
        self.row("experiment_hourly", **(given | counts | more))


def fair(trials: Trials, days: int, key: str = "e") -> None:
    for day in range(days):
        trials.split(day, {"control": 1000 + day, "treatment": 1010 + day}, key)


def guarded(trials: Trials, days: int, treatment: float, **plan: Any) -> None:
    trials.plan(**plan)
    trials.metric("slow_response_rate")
    for day in range(days):
        users = 200 + 100 * day
        trials.split(day, {"control": users, "treatment": users})
        rate = 0.02 if day == 0 else treatment
        levels = {"control": Level(users, 0.02), "treatment": Level(users, rate)}
        trials.moments(day, levels)
