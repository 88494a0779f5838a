"""What is to be sent: rows that are written with the transitions, and sent one by one after."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from alerts.errors import StateError
from alerts.notify.message import Action, Message
from alerts.state.rows import wall
from alerts.state.session import DAMAGED
from alerts.state.tables import DELIVERED, DELIVERIES, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from alerts.notify.message import Delivery
    from alerts.state.session import Session

Status = Literal["pending", "inflight", "sent", "refused"]
# What is still to be done: `inflight` was handed to a receiver by a run that did not see the end.
OUTSTANDING: tuple[Status, ...] = ("pending", "inflight")


@dataclass(frozen=True)
class NewDelivery:
    """A message for one receiver. `root` is the key of the delivery it answers or edits.

    `key` is its own, where another of the same run refers to it; else it is given one.
    """

    receiver: str
    message: Message
    action: Action = "post"
    root: str | None = None
    key: str = ""


@dataclass(frozen=True)
class Waiting:
    """A delivery as it stands.

    Attributes:
        key: Identifies it for ever.
        receiver: Whom it is for.
        action: What to do there.
        message: What to tell.
        root: The delivery it answers or edits.
        status: Where it stands.
        attempts: How often it was handed to a receiver.
        detail: What came of the last attempt.
        reference: What the receiver calls it.
        delivered_by: The receiver it was handed to last, a fallback maybe; empty before.
        created: When, in wall time (ISO text).
        updated: When it changed last.
    """

    key: str
    receiver: str
    action: Action
    message: Message
    root: str | None
    status: Status
    attempts: int
    detail: str
    reference: str
    delivered_by: str
    created: str
    updated: str


class Outbox:
    """The deliveries in the state. Only the run that holds the lock writes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def outstanding(self) -> list[Waiting]:
        """All that is still to be done, oldest first."""
        query = (
            DELIVERIES.select()
            .where(DELIVERIES.c.status.in_(OUTSTANDING))
            .order_by(DELIVERIES.c.id)
        )
        return [self._read(row) for row in self._session.rows(DELIVERIES, query)]

    def get(self, keys: Iterable[str]) -> dict[str, Waiting]:
        """These deliveries, as far as they are there."""
        query = DELIVERIES.select().where(DELIVERIES.c.key.in_(sorted(set(keys))))
        rows = self._session.rows(DELIVERIES, query)
        return {row["key"]: self._read(row) for row in rows}

    def root(self, fingerprint: str, episode: int, receiver: str) -> str | None:
        """The first message about an episode to a receiver: where answers go; None without one."""
        query = (
            select(DELIVERIES.c.key)
            .join(DELIVERED, DELIVERED.c.key == DELIVERIES.c.key)
            .where(
                DELIVERED.c.fingerprint == fingerprint,
                DELIVERED.c.episode == episode,
                DELIVERIES.c.receiver == receiver,
                DELIVERIES.c.action == "post",
            )
            .order_by(DELIVERIES.c.id)
            .limit(1)
        )
        with self._session.reading() as connection:
            key = connection.scalar(query)
        return None if key is None else str(key)

    def told(self, fingerprint: str, episode: int) -> list[Waiting]:
        """Every delivery about an episode, to any receiver, oldest first."""
        about = (DELIVERED.c.fingerprint == fingerprint, DELIVERED.c.episode == episode)
        query = (
            DELIVERIES.select()
            .where(DELIVERIES.c.key.in_(select(DELIVERED.c.key).where(*about)))
            .order_by(DELIVERIES.c.id)
        )
        return [self._read(row) for row in self._session.rows(DELIVERIES, query)]

    def hand(self, key: str, receiver: str, now: datetime) -> None:
        """Say that it is about to be handed to a receiver, before it is."""
        with self._session.writing() as connection:
            row = self._row(connection, key)
            change = {"status": "inflight", "delivered_by": receiver, "detail": ""}
            self._update(connection, row, {**change, "attempts": row["attempts"] + 1}, now)

    def settle(self, key: str, delivery: Delivery, now: datetime) -> None:
        """Say what came of it, right after.

        A refusal that any message would meet leaves it pending, for when that is mended; one that
        may have arrived all the same stays in flight, so that it is looked for.
        """
        change = {
            "status": _status(delivery),
            "detail": delivery.detail,
            "reference": delivery.reference,
        }
        with self._session.writing() as connection:
            self._update(connection, self._row(connection, key), change, now)

    def add(
        self, connection: Connection, deliveries: Iterable[NewDelivery], now: datetime
    ) -> list[str]:
        """Within a transaction: write new ones, in order; gives their keys."""
        keys = []
        for one in deliveries:
            key = one.key or str(uuid.uuid4())
            connection.execute(DELIVERIES.insert(), sealed(DELIVERIES, _new_row(key, one, now)))
            incidents = {(alert.fingerprint, alert.episode) for alert in one.message.alerts}
            rows = [
                {"key": key, "fingerprint": fingerprint, "episode": episode}
                for fingerprint, episode in sorted(incidents)
            ]
            if rows:
                connection.execute(DELIVERED.insert(), rows)
            keys.append(key)
        return keys

    def _row(self, connection: Connection, key: str) -> Mapping[str, Any]:
        query = DELIVERIES.select().where(DELIVERIES.c.key == key)
        rows = self._session.intact(DELIVERIES, connection.execute(query).mappings())
        if not rows:
            raise StateError(f"{self._session.place}: a delivery is gone: {DAMAGED}")
        return rows[0]

    def _update(
        self,
        connection: Connection,
        row: Mapping[str, Any],
        change: Mapping[str, Any],
        now: datetime,
    ) -> None:
        new = sealed(DELIVERIES, {**row, **change, "updated": wall(now)})
        changed = {name: new[name] for name in (*change, "updated", "seal")}
        connection.execute(
            DELIVERIES.update().where(DELIVERIES.c.key == row["key"]).values(changed)
        )

    def _read(self, row: Mapping[str, Any]) -> Waiting:
        try:
            message = _MESSAGES.validate_json(row["message"])
        except ValidationError:
            raise StateError(
                f"{self._session.place}: the message of delivery {row['key']} cannot be read: "
                f"{DAMAGED}"
            ) from None
        plain = {name: row[name] for name in Waiting.__dataclass_fields__ if name != "message"}
        return Waiting(message=message, **plain)


def _status(delivery: Delivery) -> Status:
    if delivery.outcome == "delivered":
        return "sent"
    if delivery.uncertain:
        return "inflight"
    return "refused" if delivery.outcome == "refused" and not delivery.blocks else "pending"


def _new_row(key: str, new: NewDelivery, now: datetime) -> dict[str, Any]:
    return {
        "key": key,
        "receiver": new.receiver,
        "action": new.action,
        "message": _MESSAGES.dump_json(new.message, ensure_ascii=True).decode(),
        "root": new.root,
        "status": "pending",
        "attempts": 0,
        "detail": "",
        "reference": "",
        "delivered_by": "",
        "created": wall(now),
        "updated": wall(now),
    }


_MESSAGES = TypeAdapter(Message)
