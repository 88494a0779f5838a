"""`experiment_assignments`: a row per user and running experiment, at the first visit in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.simulate.experiments import RUNNING
from alerts.simulate.world import user_id
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.simulate.assignments import NewlyLogged

TABLE = Table(
    "experiment_assignments",
    {"experiment_key": "text", "user_id": "text", "variation": "text", "assigned_at": "time"},
)


def columns(logged: Sequence[NewlyLogged]) -> Columns:
    """The rows of what was logged, per running experiment."""
    rows: Columns = {name: [] for name in TABLE.columns}
    for experiment, (users, times, arms) in zip(RUNNING, logged, strict=True):
        rows["experiment_key"] += [experiment.key] * len(users)
        rows["user_id"] += [user_id(number) for number in users.tolist()]
        rows["variation"] += [experiment.arms[arm].key for arm in arms.tolist()]
        rows["assigned_at"] += times.tolist()
    return rows
