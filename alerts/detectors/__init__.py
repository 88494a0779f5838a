"""Detectors: pure functions from a series of rows to verdicts."""

from alerts.detectors import threshold, week_over_week
from alerts.detectors.episodes import Run, Standing, State, runs, standing
from alerts.detectors.series import Labels, Limit, Outcome, Point, Series, Verdict

__all__ = [
    "Labels",
    "Limit",
    "Outcome",
    "Point",
    "Run",
    "Series",
    "Standing",
    "State",
    "Verdict",
    "runs",
    "standing",
    "threshold",
    "week_over_week",
]
