"""`experiments`: one row per version of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from alerts.simulate.experiments import EXPERIMENTS, MIN_DURATION_DAYS, Experiment, Period
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class _Version(NamedTuple):
    experiment: Experiment
    period: Period
    status: str
    started_ms: int | None
    updated_ms: int


def columns(calendar: Calendar) -> Columns:
    """All experiments, each in a version per period, and one more when it has ended."""
    versions = [one for experiment in EXPERIMENTS for one in _versions(calendar, experiment)]
    experiments = [one.experiment for one in versions]
    return {
        "experiment_key": [experiment.key for experiment in experiments],
        "name": [experiment.name for experiment in experiments],
        "status": [one.status for one in versions],
        "variations": [_variations(one.experiment, one.period) for one in versions],
        "started_at": [one.started_ms for one in versions],
        "ended_at": [_end_ms(calendar, experiment) for experiment in experiments],
        "config": [_config(experiment) for experiment in experiments],
        "owner": [experiment.owner for experiment in experiments],
        "updated_at": [one.updated_ms for one in versions],
    }


def _versions(calendar: Calendar, experiment: Experiment) -> Iterator[_Version]:
    """The versions of an experiment; none where it does not fit into the range."""
    if experiment.first_day is None:
        yield _Version(experiment, experiment.periods[0], "draft", None, calendar.start_ms)
    started_ms = 0
    for number, (day, period) in enumerate(experiment.periods_within(calendar.days)):
        updated_ms = calendar.midnight_ms(day)
        if number == 0 or period.restarts:
            started_ms = updated_ms
        yield _Version(experiment, period, "running", started_ms, updated_ms)
    end_ms = _end_ms(calendar, experiment)
    if end_ms is not None and experiment.has_ended(calendar.days):
        yield _Version(experiment, period, "completed", started_ms, end_ms)


def _end_ms(calendar: Calendar, experiment: Experiment) -> int | None:
    end = experiment.end_day(calendar.days)
    return None if end is None else calendar.midnight_ms(end)


def _variations(experiment: Experiment, period: Period) -> list[dict[str, Any]]:
    return [
        {"key": arm.key, "weight": weight, "is_control": arm.is_control}
        for arm, weight in zip(experiment.arms, period.weights, strict=True)
    ]


def _config(experiment: Experiment) -> dict[str, Any]:
    said: dict[str, Any] = {
        "source": experiment.source,
        "surfaces": list(experiment.surfaces),
        "primary_metric": "ctr",
        "min_duration_days": MIN_DURATION_DAYS,
    }
    return said | ({"guardrails": list(experiment.guardrails)} if experiment.guardrails else {})
