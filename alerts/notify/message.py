"""What a receiver is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Severity = Literal["info", "warn", "page"]
Outcome = Literal["delivered", "retryable", "refused"]
SEVERITIES: tuple[Severity, ...] = ("info", "warn", "page")


@dataclass(frozen=True)
class Alert:
    """One thing that fires, in words. `facts` are short pairs, most important first."""

    title: str
    severity: Severity
    summary: str
    fingerprint: str
    facts: tuple[tuple[str, str], ...] = ()
    description: str = ""
    playbook: str = ""
    command: str = ""


@dataclass(frozen=True)
class Message:
    """What goes to one receiver at once: one alert, or many under one headline."""

    headline: str
    severity: Severity
    alerts: tuple[Alert, ...]
    command: str = ""


@dataclass(frozen=True)
class Delivery:
    """What became of a message. `detail` never holds a secret or an address.

    `retryable`: not delivered, and worth another try later. `refused`: no try will help until
    somebody changes the configuration. `reference` finds the message again at the receiver.
    """

    outcome: Outcome
    detail: str = ""
    reference: str = ""

    @property
    def failed(self) -> bool:
        """Whether the message is still outstanding."""
        return self.outcome != "delivered"


class Receiver(Protocol):
    """Where messages go. `send` does not raise: it reports."""

    def send(self, message: Message) -> Delivery:
        """Deliver one message, trying again within bounds where that can help."""
        ...
