"""What goes wrong between the shop and the warehouse: rows that come late, again, or broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from alerts.simulate.options import DAY_MS, Calendar
from alerts.simulate.tables.personalization_metrics import TABLE
from alerts.simulate.writers import Columns, json_lines

if TYPE_CHECKING:
    from alerts.simulate.incidents import BrokenRows, LateRows
    from alerts.simulate.visits import Impressions

UNKNOWN_SURFACE = "checkout_banner"
# Later than any load for a long time, yet inside what every engine can store.
FAR_FUTURE_MS = 4_070_908_800_000  # 2099-01-01


class Arrival(NamedTuple):
    """Impressions as they arrive: on their day, and in a later part."""

    on_time: Impressions
    late: Impressions
    counts: Counter[str]


def arrive(
    rng: np.random.Generator, incident: LateRows, calendar: Calendar, drawn: Impressions
) -> Arrival:
    """Hold some rows back, send some twice, and send some first without their click."""
    day = (drawn.created_ms - calendar.start_ms) // DAY_MS
    touched = (day >= incident.first_day) & (day <= incident.last_day)
    chance = rng.random(len(day))
    late = touched & (chance < incident.late_share)
    resent = incident.late_share + incident.duplicate_share
    duplicate = touched & ~late & (chance < resent)
    updated = touched & ~late & ~duplicate & drawn.clicked
    updated &= rng.random(len(day)) < incident.updated_share
    first_version = replace(
        drawn,
        clicked=drawn.clicked & ~updated,
        dwell_ms=np.where(updated, np.nan, drawn.dwell_ms),
    )
    counts = Counter(
        late=int(late.sum()), duplicate=int(duplicate.sum()), updated=int(updated.sum())
    )
    return Arrival(first_version.take(~late), drawn.take(late | duplicate | updated), counts)


Row = dict[str, Any]
Spoil = Callable[[Row], None]
Handling = Literal["rejected", "refused"]


def _set(column: str, value: Any) -> Spoil:
    def spoil(row: Row) -> None:
        row[column] = value

    return spoil


def _negative_dwell(row: Row) -> None:
    row["dwell_time_ms"] = -float(row["dwell_time_ms"] or 250)


# Typed but senseless, by the reason with which staging refuses them.
REFUSED: dict[str, Spoil] = {
    "missing_id": _set("id", "  "),
    "missing_user": _set("user_id", ""),
    "unknown_surface": _set("surface", UNKNOWN_SURFACE),
    "future_time": _set("created_at", FAR_FUTURE_MS),
    "invalid_dwell": _negative_dwell,
}


def _cut(line: bytes) -> bytes:
    return line[: len(line) // 2] + b"\n"


def _trailing_comma(line: bytes) -> bytes:
    return line.rstrip()[:-1] + b",}\n"


def _not_a_number(line: bytes) -> bytes:
    return line.rstrip()[:-1] + b',"dwell_time_ms":NaN}\n'


def _bad_time(line: bytes) -> bytes:
    return line[: line.rindex(b'"created_at":')] + b'"created_at":"yesterday"}\n'


def _text_for_number(line: bytes) -> bytes:
    start = line.index(b'"dwell_time_ms":')
    stop = line.index(b',"recommendation_id"')
    return line[:start] + b'"dwell_time_ms":"fast"' + line[stop:]


# What cannot be typed, by the reason with which the loader rejects it.
REJECTED: dict[str, tuple[Callable[[bytes], bytes], ...]] = {
    "invalid_json": (_cut, _trailing_comma, _not_a_number),
    "invalid_time": (_bad_time,),
    "invalid_number": (_text_for_number,),
}


class Broken(NamedTuple):
    """Broken rows of one slice, and how many of each kind, by who refuses them."""

    rows: Columns
    lines: list[bytes]
    counts: dict[Handling, Counter[str]]


def spoil_rows(
    rng: np.random.Generator, incident: BrokenRows, sound: Columns, *, typed_only: bool
) -> Broken:
    """Broken copies, with ids of their own, of some sound rows.

    Args:
        rng: Source of the choice.
        incident: Says how many.
        sound: Rows to copy; they stay as they are.
        typed_only: Whether the file format cannot hold what has no type.
    """
    total = len(sound["id"])
    rejected = {} if typed_only else REJECTED
    kinds = len(REFUSED) + len(rejected)
    each = min(max(1, round(incident.share * total)), total // kinds)
    copies = [
        _copy(sound, place) for place in rng.choice(total, each * kinds, replace=False).tolist()
    ]
    counts: dict[Handling, Counter[str]] = {"rejected": Counter(), "refused": Counter()}
    refused_rows: list[Row] = []
    for reason, spoil in REFUSED.items():
        taken, copies = copies[:each], copies[each:]
        for row in taken:
            spoil(row)
        refused_rows += taken
        counts["refused"][reason] += each
    lines: list[bytes] = []
    for kind, ways in rejected.items():
        taken, copies = copies[:each], copies[each:]
        whole = json_lines(TABLE, _as_columns(taken))
        lines += [ways[place % len(ways)](line) for place, line in enumerate(whole)]
        counts["rejected"][kind] += each
    return Broken(_as_columns(refused_rows), lines, counts)


def _copy(sound: Columns, place: int) -> Row:
    row = {name: values[place] for name, values in sound.items()}
    return row | {"id": f"{row['id']}-broken"}


def _as_columns(rows: list[Row]) -> Columns:
    return {name: [row[name] for row in rows] for name in TABLE.columns}
