"""`experiments`: one row per version of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.simulate.experiments import EXPERIMENTS, Experiment
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from alerts.simulate.options import Calendar

TABLE = Table(
    "experiments",
    {
        "experiment_key": "text",
        "name": "text",
        "status": "text",
        "variations": "json",
        "started_at": "time",
        "ended_at": "time",
        "config": "json",
        "owner": "text",
        "updated_at": "time",
    },
)


def columns(calendar: Calendar) -> Columns:
    """All experiments, each in its only version, last changed when it started."""
    starts = [_start_ms(calendar, experiment) for experiment in EXPERIMENTS]
    return {
        "experiment_key": [experiment.key for experiment in EXPERIMENTS],
        "name": [experiment.name for experiment in EXPERIMENTS],
        "status": ["draft" if start is None else "running" for start in starts],
        "variations": [_variations(experiment) for experiment in EXPERIMENTS],
        "started_at": starts,
        "ended_at": [None for _ in EXPERIMENTS],
        "config": [_config(experiment) for experiment in EXPERIMENTS],
        "owner": [experiment.owner for experiment in EXPERIMENTS],
        "updated_at": [calendar.start_ms if start is None else start for start in starts],
    }


def _start_ms(calendar: Calendar, experiment: Experiment) -> int | None:
    day = experiment.start_day(calendar.days)
    return None if day is None else calendar.midnight_ms(day)


def _variations(experiment: Experiment) -> list[dict[str, Any]]:
    return [
        {"key": arm.key, "weight": arm.weight, "is_control": arm.is_control}
        for arm in experiment.arms
    ]


def _config(experiment: Experiment) -> dict[str, Any]:
    return {
        "source": "personalization_metrics",
        "surfaces": list(experiment.surfaces),
        "primary_metric": "ctr",
        "min_duration_days": 14,
    }
