"""Between what is remembered and rows of text and numbers."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

from alerts.state.model import Episode, Outage, Record, Transition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.state.model import Labels


def written(moment: date | None) -> str | None:
    """Data time as text: a date stays a date."""
    return None if moment is None else moment.isoformat()


def read_time(text: str | None) -> date | None:
    """Data time: a date has ten characters, a moment has more."""
    if text is None:
        return None
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def wall(now: datetime) -> str:
    """Wall time as text, in UTC and of one length, so that texts compare as times do."""
    if now.tzinfo is None:
        raise ValueError("wall time needs a time zone")
    return now.astimezone(UTC).isoformat(timespec="microseconds")


def labels_text(labels: Labels) -> str:
    """Labels as JSON; the order is theirs."""
    return json.dumps([list(pair) for pair in labels], ensure_ascii=True)


def read_labels(text: str) -> Labels:
    """Labels from JSON."""
    return tuple((str(name), str(value)) for name, value in json.loads(text))


def finite(value: float | None) -> float | None:
    """A number that JSON and SQLite can hold, else None."""
    return value if value is not None and math.isfinite(value) else None


def record_row(record: Record, now: datetime) -> dict[str, Any]:
    """A record as a row."""
    body = asdict(record)
    for name in ("fingerprint", "rule", "labels", "state"):
        del body[name]
    body["value"] = finite(record.value)
    return {
        "fingerprint": record.fingerprint,
        "rule": record.rule,
        "labels": labels_text(record.labels),
        "state": record.state,
        "body": json.dumps(body, default=_iso, ensure_ascii=True),
        "updated": wall(now),
    }


def read_record(row: Mapping[str, Any]) -> Record:
    """A row as a record."""
    body = json.loads(row["body"])
    for name in ("at", "bucket"):
        body[name] = read_time(body[name])
    for name in ("episode", "ended"):
        body[name] = _episode(body[name])
    body["outage"] = Outage(**body["outage"]) if body["outage"] else None
    body["known"] = tuple(
        (cast("date", read_time(first)), cast("date", read_time(last)))
        for first, last in body["known"]
    )
    return Record(
        fingerprint=row["fingerprint"],
        rule=row["rule"],
        labels=read_labels(row["labels"]),
        state=row["state"],
        **body,
    )


def transition_row(transition: Transition, now: datetime) -> dict[str, Any]:
    """A transition as a row."""
    return {
        **{name: getattr(transition, name) for name in _PLAIN},
        "labels": labels_text(transition.labels),
        "at": written(transition.at),
        "since": written(transition.since),
        "value": finite(transition.value),
        "recorded": wall(now),
    }


def read_transition(row: Mapping[str, Any]) -> Transition:
    """A row as a transition."""
    return Transition(
        **{name: row[name] for name in _PLAIN},
        labels=read_labels(row["labels"]),
        at=read_time(row["at"]),
        since=read_time(row["since"]),
        value=row["value"],
    )


_PLAIN = (
    "fingerprint", "rule", "severity", "episode", "kind", "reason", "told", "because", "suppressed",
)  # fmt: skip


def _episode(body: dict[str, Any] | None) -> Episode | None:
    if body is None:
        return None
    times = {name: read_time(body[name]) for name in ("first", "last", "told_at")}
    return Episode(**{**body, **times})


def _iso(moment: object) -> str:
    if isinstance(moment, date):
        return moment.isoformat()
    raise TypeError(f"{type(moment).__name__} is no time")
