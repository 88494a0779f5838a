"""What an alert tells, in words, and in which order many are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.notify.message import Alert, Kind

# The order of a list: what burns first, what is over last.
WORDS: dict[Kind, str] = {
    "firing": "Firing",
    "repeated": "Still firing",
    "unknown": "Cannot be judged",
    "restated": "Restated: late data changed it",
    "known": "Can be judged again",
    "resolved": "Resolved",
}


def remark(headline: str, alert: Alert) -> str:
    """The kind of a single alert in words; empty where it fires, or where the headline says it."""
    words = WORDS[alert.kind]
    said = headline.casefold().startswith(words.split(":")[0].casefold())
    return "" if alert.kind == "firing" or said else words


def by_kind(alerts: Sequence[Alert]) -> list[tuple[str, list[Alert]]]:
    """Alerts under headings, each kind in the order given. Where all fire there is no heading."""
    kinds = {alert.kind for alert in alerts}
    if kinds == {"firing"}:
        return [("", list(alerts))]
    groups = ((kind, [alert for alert in alerts if alert.kind == kind]) for kind in WORDS)
    return [(f"{WORDS[kind]} ({len(group)})", group) for kind, group in groups if group]
