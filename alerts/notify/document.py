"""A parcel as JSON, for programs: the file and the webhook."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alerts.notify.message import Alert, Parcel


def document(parcel: Parcel) -> dict[str, Any]:
    """The parcel; the text is as data gave it, for JSON needs no escaping of ours."""
    message = parcel.message
    return {
        "key": parcel.key,
        "action": parcel.action,
        "thread": parcel.thread,
        "headline": message.headline,
        "severity": message.severity,
        "alerts": [_alert(alert) for alert in message.alerts],
        "command": message.command,
    }


def encoded(parcel: Parcel) -> bytes:
    """The same on one line of ASCII: no character of data can end it or steer a terminal."""
    return json.dumps(document(parcel), ensure_ascii=True, allow_nan=False).encode("ascii")


def _alert(alert: Alert) -> dict[str, Any]:
    return {**asdict(alert), "facts": dict(alert.facts), "incident": alert.incident}
