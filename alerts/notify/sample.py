"""The message that `recwatch doctor --send` tries a receiver with."""

from __future__ import annotations

from alerts.notify.message import Alert, Kind, Message, Severity

# Of no rule: sixty-four hexadecimal digits that no digest of a rule will have.
FINGERPRINT = "0" * 64


def sample(severity: Severity, kind: Kind = "firing") -> Message:
    """A message that says of itself that it is a test.

    PagerDuty opens an incident for it as for any other: send it with kind `resolved` after, and
    the incident is closed.
    """
    alert = Alert(
        title="recwatch doctor",
        severity=severity,
        summary="This is a test: nothing is wrong. The receiver takes messages.",
        fingerprint=FINGERPRINT,
        facts=(("severity", severity), ("sent by", "recwatch doctor --send")),
        playbook="Nothing is to be done.",
        command="recwatch doctor",
        kind=kind,
        trend="▁▂▃▄▅▆▇█",
    )
    return Message(f"TEST ({severity}): recwatch doctor", severity, (alert,))
