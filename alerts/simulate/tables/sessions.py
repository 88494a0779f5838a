"""`sessions`: one row per visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.simulate.tables.personalization_metrics import session_id
from alerts.simulate.world import COUNTRIES, DEVICES, World, user_id
from alerts.simulate.writers import Columns, Table

if TYPE_CHECKING:
    from alerts.simulate.visits import Visits

TABLE = Table(
    "sessions",
    {
        "session_id": "text",
        "user_id": "text",
        "started_at": "time",
        "ended_at": "time",
        "device": "text",
        "country": "text",
        "is_bounce": "bool",
        "is_crash_free": "bool",
    },
)


def columns(world: World, visits: Visits) -> Columns:
    """The rows of these visits; one that lasts beyond the end of the data has no end yet."""
    end_ms = world.calendar.end_ms
    return {
        "session_id": [session_id(number) for number in visits.number.tolist()],
        "user_id": [user_id(number) for number in visits.user.tolist()],
        "started_at": visits.start_ms.tolist(),
        "ended_at": [end if end < end_ms else None for end in visits.end_ms.tolist()],
        "device": [DEVICES[index][0] for index in world.users.device[visits.user].tolist()],
        "country": [COUNTRIES[index].code for index in world.users.country[visits.user].tolist()],
        "is_bounce": visits.is_bounce.tolist(),
        "is_crash_free": visits.is_crash_free.tolist(),
    }
