"""From decided messages to deliveries, one receiver's trouble kept from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from alerts.notify import Delivery, Parcel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.notify import Message, Receiver
    from alerts.runner.compose import Outgoing


@dataclass(frozen=True)
class Sent:
    """What became of one message."""

    receiver: str
    message: Message
    delivery: Delivery


def deliver(outgoing: Sequence[Outgoing], receivers: Mapping[str, Receiver]) -> list[Sent]:
    """Send every message in order.

    A receiver that could not be reached is not tried again in this run: a dead one must not hold
    up the others message by message.
    """
    down: dict[str, Delivery] = {}
    sent: list[Sent] = []
    for one in outgoing:
        delivery = down.get(one.receiver)
        if delivery is None:
            delivery = receivers[one.receiver].send(Parcel(uuid4().hex, one.message))
            if delivery.outcome == "retryable":
                skipped = f"not tried after an earlier message failed: {delivery.detail}"
                down[one.receiver] = Delivery("retryable", skipped)
        sent.append(Sent(one.receiver, one.message, delivery))
    return sent
