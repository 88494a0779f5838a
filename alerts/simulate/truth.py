"""`truth.json`: what was planted where, so that alerts can be held against it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerts.simulate import experiment_truth
from alerts.simulate.incidents import IMPRESSIONS, BrokenRows, CtrDrop, Incident, LateRows
from alerts.simulate.trace_incidents import TraceIncident
from alerts.simulate.writers import iso_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.simulate.assignments import Logged
    from alerts.simulate.options import Calendar, Options

VERSION = 1


@dataclass(slots=True)
class Tally:
    """What the simulation counted while it wrote.

    Attributes:
        lines: Rows or lines per table.
        rejected: By incident, lines the loader rejects, by reason.
        refused: By incident, rows staging refuses, by reason.
        arrivals: By incident, late rows, by kind.
        duplicates: Versions of other tables' rows that newer ones replace, by table.
        late_parts: By incident, names of the part files that hold its late rows.
        logged: What was logged of the running experiments, by key.
    """

    lines: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    refused: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    arrivals: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    duplicates: Counter[str] = field(default_factory=Counter)
    late_parts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    logged: dict[str, Logged] = field(default_factory=dict)


def build(options: Options, incidents: tuple[Incident, ...], tally: Tally) -> dict[str, Any]:
    """The whole document."""
    calendar = options.calendar
    return {
        "version": VERSION,
        "scenario": options.scenario,
        "seed": options.seed,
        "users": options.users,
        "days": options.days,
        "format": options.file_format,
        "first_day": calendar.date(0).isoformat(),
        "last_full_day": calendar.last_full_day.isoformat(),
        "data_until": f"{calendar.date(calendar.days).isoformat()}T06:00:00Z",
        "rows": {table: _rows(table, lines, tally) for table, lines in tally.lines.items()},
        "incidents": [_incident(calendar, incident, tally) for incident in incidents],
        "experiments": experiment_truth.build(options, incidents, tally.logged),
    }


def _rows(table: str, lines: int, tally: Tally) -> dict[str, int]:
    """Lines written, and what becomes of them: lines = the sum of the others."""
    impressions = table == IMPRESSIONS
    rejected = _total(tally.rejected) if impressions else 0
    refused = _total(tally.refused) if impressions else 0
    # Of a row sent again or updated one version counts, the other does not.
    duplicate = tally.duplicates[table]
    if impressions:
        duplicate += sum(one["duplicate"] + one["updated"] for one in tally.arrivals.values())
    return {
        "lines": lines,
        "accepted": lines - rejected - refused - duplicate,
        "duplicate": duplicate,
        "refused": refused,
        "rejected": rejected,
    }


def _total(counts: Mapping[str, Counter[str]]) -> int:
    return sum(counter.total() for counter in counts.values())


def _incident(calendar: Calendar, incident: Incident, tally: Tally) -> dict[str, Any]:
    running = isinstance(incident, CtrDrop) and incident.running
    last_day = calendar.days if running else incident.last_day
    return {
        "id": incident.id,
        "kind": incident.kind,
        "table": incident.table,
        "mart": incident.mart,
        "metric": incident.metric,
        "first_day": calendar.date(incident.first_day).isoformat(),
        "last_day": calendar.date(last_day).isoformat(),
        **_hours(calendar, incident),
        **incident.details(),
        **_counted(calendar, incident, tally),
        "sentence": incident.sentence,
    }


def _hours(calendar: Calendar, incident: Incident) -> dict[str, str]:
    """From when until before when, of one that does not last whole days."""
    if not isinstance(incident, TraceIncident) or incident.minutes is None:
        return {}
    starts, ends = iso_times(list(incident.span_ms(calendar)))
    return {"starts_at": str(starts), "ends_at": str(ends)}


def _counted(calendar: Calendar, incident: Incident, tally: Tally) -> Mapping[str, Any]:
    """The size of incidents that are counted rather than given."""
    match incident:
        case BrokenRows():
            rejected, refused = tally.rejected[incident.id], tally.refused[incident.id]
            return {"size": {"rejected": dict(rejected), "refused": dict(refused)}}
        case LateRows():
            return {
                "size": dict(tally.arrivals[incident.id]),
                "arrival_day": calendar.date(incident.arrival_day).isoformat(),
                "parts": tally.late_parts[incident.id],
            }
    return {}
