"""What `recwatch simulate` planted, read back from its `truth.json`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from alerts.rules.experiment_marts import MOMENTS_MART, SRM_MART

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What shows each thing that can be wrong with an experiment. A ramp and a restart are none of
# these: they mislead who compares arms plainly, and no rule does.
_SHOWN_BY = {
    "srm": (SRM_MART, "srm_p_value"),
    "idle_arm": (SRM_MART, "srm_p_value"),
    "guardrail": (MOMENTS_MART, "excess"),
    "mixed_users": ("experiments.experiment_health_daily", "mixed_users_share"),
}
_GUARDED = frozenset({"slow_response_rate"})
# A raw table and what became of its rows.
Reason = tuple[str, str]


@dataclass(frozen=True)
class Trial:
    """What was logged of an experiment with which something is wrong.

    Attributes:
        key: Of the experiment.
        periods: Users and weight by arm for each weight period, mixed users among them.
        mixed_users: Users seen in a second arm.
        guardrails: The metrics of the guardrails that it fails.
    """

    key: str
    periods: tuple[Mapping[str, tuple[int, float]], ...]
    mixed_users: int = 0
    guardrails: frozenset[str] = frozenset()

    @property
    def users(self) -> int:
        """Everybody who was logged in an arm."""
        return sum(users for period in self.periods for users, _ in period.values())


@dataclass(frozen=True)
class Incident:
    """One planted incident; without a surface it touches all of them.

    `metric` of `mart` shows it. One that lasts for hours rather than days has them in `starts_at`
    and `ends_at`. What is wrong with an experiment shows in alerts with these `labels` only, and
    `trial` says how large it is. `table` is the raw table that it touches, where that is one.
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
    labels: Mapping[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    table: str = ""

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return self.starts_at or datetime.combine(self.first_day, time(), UTC)

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
    incidents = [_incident(entry) for entry in document["incidents"]]
    incidents += [
        _wrong(entry, document["last_full_day"])
        for entry in document.get("experiments", ())
        if entry["wrong"] is not None
    ]
    return Truth(tuple(incidents), +rows, +rejected)


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
        table=entry["table"],
    )


def _wrong(entry: Mapping[str, Any], last_day: str) -> Incident:
    """What is wrong with an experiment, from when it began until the experiment or the data end."""
    wrong, key = entry["wrong"], entry["experiment_key"]
    last = date.fromisoformat(last_day)
    ended = _moment(entry["ended_at"])
    if ended is not None:
        last = min(last, (ended - timedelta(microseconds=1)).date())
    mart, metric = _SHOWN_BY.get(wrong["kind"], ("", ""))
    periods = [period for period in entry["periods"] if period["starts_at"] is not None]
    restarts = [place for place, period in enumerate(periods) if period["restarts"]]
    return Incident(
        id=key,
        kind=wrong["kind"],
        mart=mart,
        metric=metric,
        surface=", ".join(entry["surfaces"]),
        first_day=datetime.fromisoformat(wrong["since"]).date(),
        last_day=last,
        sentence=wrong["sentence"],
        labels={"experiment_key": key},
        trial=Trial(
            key=key,
            periods=tuple(
                {
                    arm: (users, period["weights"][arm])
                    for arm, users in period["assigned_users"].items()
                }
                for period in periods[restarts[-1] if restarts else 0 :]
            ),
            mixed_users=sum(entry["mixed_users"].values()),
            guardrails=frozenset(wrong["size"]) & _GUARDED,
        ),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
