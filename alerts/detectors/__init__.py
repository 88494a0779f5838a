"""Detectors: pure functions from a series of rows to verdicts."""

from alerts.detectors import drop, streak, threshold, week_over_week
from alerts.detectors.episodes import Run, Standing, State, runs, standing
from alerts.detectors.series import (
    Bucket,
    Labels,
    Limit,
    Outcome,
    Point,
    Series,
    Single,
    Verdict,
    Zeros,
)

__all__ = [
    "Bucket",
    "Labels",
    "Limit",
    "Outcome",
    "Point",
    "Run",
    "Series",
    "Single",
    "Standing",
    "State",
    "Verdict",
    "Zeros",
    "drop",
    "runs",
    "standing",
    "streak",
    "threshold",
    "week_over_week",
]
