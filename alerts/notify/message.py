"""What a receiver is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Severity = Literal["info", "warn", "page"]
Outcome = Literal["delivered", "retryable", "refused"]
# What an alert tells: it begins, goes on, ends; late rows changed its story; nothing can be known
# of it; it can again.
Kind = Literal["firing", "repeated", "resolved", "restated", "unknown", "known"]
# What is to be done at the receiver: a message of its own, an answer in the thread of an earlier
# one, a new text for an earlier one.
Action = Literal["post", "reply", "edit"]
SEVERITIES: tuple[Severity, ...] = ("info", "warn", "page")


@dataclass(frozen=True)
class Alert:
    """One thing to tell, in words.

    Attributes:
        title: The rule and its labels.
        severity: Of the rule.
        summary: What holds, in a sentence.
        fingerprint: Of the rule and its labels.
        facts: Short pairs, most important first.
        description: What the rule watches.
        playbook: What to do.
        command: Shows the same again.
        kind: What is told of it.
        episode: Number of the episode, from 1; with the fingerprint it identifies an incident.
        trend: The newest values as a small chart of one line.
        why: What moved the value, a line each, the largest first.
        notes: Remarks: what is held back because of it, that it is told late.
    """

    title: str
    severity: Severity
    summary: str
    fingerprint: str
    facts: tuple[tuple[str, str], ...] = ()
    description: str = ""
    playbook: str = ""
    command: str = ""
    kind: Kind = "firing"
    episode: int = 1
    trend: str = ""
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def incident(self) -> str:
        """What a receiver knows the episode by: the same for its begin, repeats and end."""
        return f"{self.fingerprint}.{self.episode}"


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

    Attributes:
        outcome: `retryable`: not delivered, and worth another try later. `refused`: no try will
            help until somebody changes the configuration, or this message.
        detail: Why, in our words; beside `delivered` a remark.
        reference: Finds the message again at the receiver.
        blocks: Whether the reason is the receiver's and not this message's (who we are, the
            channel, the connection, its rate limit): nothing else would get through now either.
        uncertain: Whether it may have arrived all the same, as when the connection broke before
            the answer: ask `find` before it is sent again.
    """

    outcome: Outcome
    detail: str = ""
    reference: str = ""
    blocks: bool = False
    uncertain: bool = False

    @property
    def failed(self) -> bool:
        """Whether the message is still outstanding."""
        return self.outcome != "delivered"


@dataclass(frozen=True)
class Parcel:
    """One message on its way to one receiver.

    Attributes:
        key: Identifies the delivery for ever; sent along where the receiver can be asked for it.
        message: What to tell.
        action: What to do there.
        thread: The `reference` of the message that is answered or edited; empty for a post.
    """

    key: str
    message: Message
    action: Action = "post"
    thread: str = ""


class Receiver(Protocol):
    """Where messages go. No method raises: each reports.

    An edit repeats what a post or reply beside it tells. A receiver that cannot edit reports it as
    delivered and does nothing.
    """

    def send(self, parcel: Parcel) -> Delivery:
        """Deliver one message, trying again within bounds where that can help."""
        ...

    def find(self, parcel: Parcel) -> Delivery | None:
        """Whether an earlier run, killed while it sent, did deliver this.

        `delivered` with its reference where it is there; None where it is not, or where the
        receiver cannot be asked: then it is sent again.
        """
        ...
