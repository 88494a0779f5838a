"""`recwatch backtest --json`: keys that stay as they are.

from, to     the range
rules        for each: name, severity, receivers, series, series_years, days_firing, messages
             (firing, repeated, resolved, total), per_30d, max_false_per_30d, above_budget, and
             episodes: labels, first, fired, last, open, breaches, worst, threshold, and false
             (null without a truth)
score        null without a truth; else recall, precision, covered, found, false_episodes,
             series_years, false_per_series_year
incidents    null without a truth; else for each: id, kind, surface, begins, last_day, rules (that
             watch it), found_by, delay_seconds (null where it was not found)
remarks      what to know of it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.detectors.sentences import shown

if TYPE_CHECKING:
    from alerts.backtest.run import Backtest, Record
    from alerts.backtest.score import Caught
    from alerts.runner import Episode


def document(found: Backtest) -> dict[str, Any]:
    """The whole document, of types that JSON has."""
    score = found.score
    return {
        "from": found.span.start.isoformat(),
        "to": found.span.end.isoformat(),
        "rules": [_rule(record) for record in found.records],
        "score": None if score is None else _score(found),
        "incidents": None if score is None else [_incident(one) for one in score.caught],
        "remarks": list(found.remarks),
    }


def _rule(record: Record) -> dict[str, Any]:
    rule, messages = record.rule, record.messages
    return {
        "name": rule.name,
        "severity": rule.severity,
        "receivers": list(rule.receivers),
        "series": record.series,
        "series_years": round(record.years, 4),
        "days_firing": record.days_firing,
        "messages": {
            "firing": messages.firing,
            "repeated": messages.repeated,
            "resolved": messages.resolved,
            "total": messages.total,
        },
        "per_30d": round(record.per_30d, 4),
        "max_false_per_30d": rule.max_false_per_30d,
        "above_budget": record.is_above_budget,
        "episodes": [_episode(one, record) for one in record.episodes],
    }


def _episode(episode: Episode, record: Record) -> dict[str, Any]:
    false = None if record.false is None else any(episode is one for one in record.false)
    return {
        "labels": dict(episode.labels),
        "first": shown(episode.first),
        "fired": shown(episode.fired),
        "last": shown(episode.last),
        "open": episode.open,
        "breaches": episode.breaches,
        "worst": episode.worst,
        "threshold": episode.threshold,
        "false": false,
    }


def _score(found: Backtest) -> dict[str, Any] | None:
    score = found.score
    if score is None:
        return None
    return {
        "recall": score.recall,
        "precision": score.precision,
        "covered": len(score.covered),
        "found": len(score.covered) - len(score.missed),
        "false_episodes": len(score.false),
        "series_years": round(found.years, 4),
        "false_per_series_year": found.false_per_year,
    }


def _incident(one: Caught) -> dict[str, Any]:
    incident = one.incident
    return {
        "id": incident.id,
        "kind": incident.kind,
        "surface": incident.surface,
        "begins": incident.begins.isoformat(),
        "last_day": incident.last_day.isoformat(),
        "rules": list(one.rules),
        "found_by": list(one.found_by),
        "delay_seconds": None if one.delay is None else one.delay.total_seconds(),
    }
