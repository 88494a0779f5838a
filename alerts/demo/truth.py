"""What `recwatch simulate` planted, read back from its `truth.json`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A raw table and what became of its rows.
Reason = tuple[str, str]


@dataclass(frozen=True)
class Incident:
    """One planted incident; without a surface it touches all of them.

    `metric` of `mart` shows it. One that lasts for hours rather than days has them in `starts_at`
    and `ends_at`.
    """

    id: str
    kind: str
    mart: str
    metric: str
    surface: str | None
    first_day: date
    last_day: date
    sentence: str
    parts: frozenset[str] = frozenset()
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def over(self) -> date:
        """The first moment or day after it."""
        return self.ends_at or self.last_day + timedelta(days=1)

    @property
    def days(self) -> str:
        """When, as people read it: `2025-05-27 to 05-29`, `2025-06-24 19:00 to 19:40`."""
        if self.starts_at is not None and self.ends_at is not None:
            return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%H:%M}"
        if self.first_day == self.last_day:
            return str(self.first_day)
        same_year = self.first_day.year == self.last_day.year
        return f"{self.first_day} to {self.last_day:{'%m-%d' if same_year else '%Y-%m-%d'}}"


@dataclass(frozen=True)
class Truth:
    """The planted incidents, and how many raw rows must have met which end.

    Attributes:
        incidents: In order of time.
        rows: Rows by table and reason, as `data_quality_daily` must count them.
        rejected: Of these, the ones that the loader must have put into `rejected_rows`.
    """

    incidents: tuple[Incident, ...]
    rows: Mapping[Reason, int] = field(default_factory=dict)
    rejected: Mapping[Reason, int] = field(default_factory=dict)

    @property
    def late_parts(self) -> frozenset[str]:
        """Names of the part files that arrived later than the days they are about."""
        return frozenset().union(*(incident.parts for incident in self.incidents))


def read_truth(path: Path) -> Truth:
    """Read a `truth.json`."""
    document = json.loads(path.read_text(encoding="utf-8"))
    rows: Counter[Reason] = Counter()
    rejected: Counter[Reason] = Counter()
    for table, counts in document["rows"].items():
        rows.update({(table, reason): counts[reason] for reason in ("accepted", "duplicate")})
    for incident in document["incidents"]:
        for handling in ("rejected", "refused"):
            by_reason = incident["size"].get(handling, {})
            found = {(incident["table"], reason): count for reason, count in by_reason.items()}
            rows.update(found)
            if handling == "rejected":
                rejected.update(found)
    # Adding nothing drops the zeros: a reason without rows has no row in a mart either.
    return Truth(tuple(map(_incident, document["incidents"])), +rows, +rejected)


def _incident(entry: Mapping[str, Any]) -> Incident:
    return Incident(
        id=entry["id"],
        kind=entry["kind"],
        mart=entry["mart"],
        metric=entry["metric"],
        surface=entry["surface"],
        first_day=date.fromisoformat(entry["first_day"]),
        last_day=date.fromisoformat(entry["last_day"]),
        sentence=entry["sentence"],
        parts=frozenset(entry.get("parts", ())),
        starts_at=_moment(entry.get("starts_at")),
        ends_at=_moment(entry.get("ends_at")),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
