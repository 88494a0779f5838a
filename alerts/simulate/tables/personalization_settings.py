"""`personalization_settings`: one row per user."""

from __future__ import annotations

import numpy as np

from alerts.simulate.options import DAY_MS
from alerts.simulate.world import World, user_id
from alerts.simulate.writers import Columns, Table

TABLE = Table(
    "personalization_settings",
    {
        "user_id": "text",
        "personalization_enabled": "bool",
        "data_sharing_consent": "bool",
        "updated_at": "time",
    },
)


def columns(world: World, numbers: range) -> Columns:
    """The settings of these users, made when they joined."""
    here = slice(numbers.start, numbers.stop)
    # Those who were there before joined in the ninety days before, spread evenly.
    before = -1 - (np.arange(numbers.start, numbers.stop) % 90)
    joined = world.users.joined_day[here]
    day = np.where(joined < 0, before, joined)
    return {
        "user_id": [user_id(number) for number in numbers],
        "personalization_enabled": (~world.users.opted_out[here]).tolist(),
        "data_sharing_consent": world.users.consent[here].tolist(),
        "updated_at": (world.calendar.start_ms + day * DAY_MS).tolist(),
    }
