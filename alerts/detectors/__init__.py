"""Detectors: pure functions from a series of rows to verdicts.

`srm` and `guardrail` are imported by who needs them: scipy, which they need, takes a while.
"""

from alerts.detectors import (
    drop,
    experiment_delta,
    freshness,
    streak,
    threshold,
    week_over_week,
    zscore,
)
from alerts.detectors.episodes import Run, Standing, State, runs, standing
from alerts.detectors.evidence import Evidence
from alerts.detectors.series import (
    Bucket,
    Examined,
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
    "Evidence",
    "Examined",
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
    "experiment_delta",
    "freshness",
    "runs",
    "standing",
    "streak",
    "threshold",
    "week_over_week",
    "zscore",
]
