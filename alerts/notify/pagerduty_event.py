"""An alert as an event of PagerDuty's Events API v2, within its limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from alerts.notify.kinds import WORDS
from alerts.notify.text import fit, one_line, plain

if TYPE_CHECKING:
    from alerts.notify.message import Alert, Kind, Severity

SUMMARY = 1_024
SOURCE = "recwatch"
# PagerDuty refuses events above 512 KB: no text of ours comes near together.
_DETAIL = 2_000
_DETAILS = 50
_LINES = 20
_LINK = 2_000
_LINKS = 5
_SEVERITIES: dict[Severity, str] = {"page": "critical", "warn": "warning", "info": "info"}
_RESOLVING: set[Kind] = {"resolved", "restated", "known"}
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\]+")

Action = Literal["trigger", "resolve"]


def action(alert: Alert) -> Action:
    """What the event does to its incident."""
    return "resolve" if alert.kind in _RESOLVING else "trigger"


def dedup_key(alert: Alert) -> str:
    """The incident an event belongs to.

    That a series cannot be judged is an incident beside the one it may have: the end of the one
    must not close the other.
    """
    return f"{alert.incident}.unknown" if alert.kind in {"unknown", "known"} else alert.incident


def body(alert: Alert) -> dict[str, Any]:
    """The event but for its action, its key and the secret."""
    event: dict[str, Any] = {
        "payload": {
            "summary": _summary(alert),
            "source": SOURCE,
            "severity": _SEVERITIES[alert.severity],
            "custom_details": _details(alert),
        },
        "client": SOURCE,
    }
    links = [one.rstrip(".,;:!?)") for one in _ADDRESS.findall(alert.playbook)]
    links = [one for one in links if len(one) <= _LINK]
    if links:
        event["links"] = [{"href": one, "text": "Playbook"} for one in links[:_LINKS]]
    return event


def _summary(alert: Alert) -> str:
    words = "" if alert.kind == "firing" else f"{WORDS[alert.kind]}: "
    return fit(one_line(f"{words}{alert.title}: {alert.summary}"), SUMMARY)


def _details(alert: Alert) -> dict[str, Any]:
    """Facts by their own names, then what else the alert tells; nothing that is empty."""
    facts = {
        fit(one_line(name), _DETAIL): fit(one_line(value), _DETAIL)
        for name, value in alert.facts[:_DETAILS]
    }
    told = {
        "told": WORDS[alert.kind],
        "summary": fit(one_line(alert.summary), _DETAIL),
        "trend": fit(one_line(alert.trend), _DETAIL),
        "what moved it": _lines(alert.why),
        "notes": _lines(alert.notes),
        "description": fit(one_line(alert.description), _DETAIL),
        "playbook": fit(plain(alert.playbook).strip(), _DETAIL),
        "command": fit(one_line(alert.command), _DETAIL),
    }
    return {**facts, **{name: value for name, value in told.items() if value}}


def _lines(lines: tuple[str, ...]) -> list[str]:
    return [fit(one_line(line), _DETAIL) for line in lines[:_LINES]]
