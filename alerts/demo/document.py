"""What `recwatch demo --json` prints, with stable keys.

ok           whether every covered incident was found, nothing fired without a cause, and
             every row count is as planted
database     the DuckDB file; `report` the HTML file; `directory` where the truth lies
seconds      by step
rebuilt_days days that the second, incremental build brought up to date; null without late rows
incidents    id, kind, surface, first_day, last_day, rules (that watch it), status (found,
             shown elsewhere, missed), found (in words)
episodes     every alert of the history: rule, labels, first, fired, last, open, causes (ids)
false_alarms how many of them have no cause
differences  row counts that are not as planted: where, table, reason, expected, counted
firing       the alerts at the end of the data, as in `recwatch check --json`
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from alerts.demo.show import found
from alerts.runner.compose import shown
from alerts.runner.document import result_document

if TYPE_CHECKING:
    from alerts.demo.compare import Comparison, Finding
    from alerts.demo.place import Place
    from alerts.demo.run import Outcome
    from alerts.runner import Episode


def document(place: Place, outcome: Outcome) -> dict[str, Any]:
    """The whole document, of types that JSON has."""
    comparison = outcome.comparison
    return {
        "ok": comparison.ok,
        "database": str(place.database),
        "directory": str(place.directory),
        "report": str(place.report),
        "seconds": outcome.seconds,
        "rebuilt_days": outcome.rebuilt,
        "incidents": [_incident(finding) for finding in comparison.findings],
        "episodes": [_episode(one, comparison) for one in outcome.evaluation.episodes],
        "false_alarms": len(comparison.false_alarms),
        "differences": [asdict(one) for one in comparison.differences],
        "firing": [result_document(one) for one in outcome.evaluation.firing],
    }


def _incident(finding: Finding) -> dict[str, Any]:
    incident = finding.incident
    return {
        "id": incident.id,
        "kind": incident.kind,
        "surface": incident.surface,
        "first_day": incident.first_day.isoformat(),
        "last_day": incident.last_day.isoformat(),
        "rules": [rule.name for rule in finding.rules],
        "status": finding.status,
        "found": found(finding),
    }


def _episode(episode: Episode, comparison: Comparison) -> dict[str, Any]:
    return {
        "rule": episode.rule,
        "labels": dict(episode.labels),
        "first": shown(episode.first),
        "fired": shown(episode.fired),
        "last": shown(episode.last),
        "open": episode.open,
        "causes": [incident.id for incident in comparison.causes(episode)],
    }
