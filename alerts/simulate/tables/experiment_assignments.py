"""`experiment_assignments`: one row per user and running experiment, at the first visit in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.simulate.experiments import RUNNING, Assignments
from alerts.simulate.world import user_id
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from alerts.simulate.visits import Visits

TABLE = Table(
    "experiment_assignments",
    {"experiment_key": "text", "user_id": "text", "variation": "text", "assigned_at": "time"},
)


def columns(assignments: Assignments, day: int, visits: Visits) -> Columns:
    """The assignments these visits log; a user once logged is not logged again."""
    rows: Columns = {name: [] for name in TABLE.columns}
    logged = assignments.log_visits(day, visits.user, visits.start_ms)
    for experiment, arms, (users, times) in zip(RUNNING, assignments.arms, logged, strict=True):
        rows["experiment_key"] += [experiment.key] * len(users)
        rows["user_id"] += [user_id(number) for number in users.tolist()]
        rows["variation"] += [experiment.arms[arm].key for arm in arms[users].tolist()]
        rows["assigned_at"] += times.tolist()
    return rows
