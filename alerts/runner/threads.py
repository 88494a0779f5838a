"""From messages to deliveries: what answers which earlier message, and which of them is edited."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Protocol

from alerts.state.outbox import NewDelivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from alerts.notify.message import Alert, Kind
    from alerts.runner.compose import Outgoing
    from alerts.state.model import Transition
    from alerts.state.outbox import Waiting

    # Fingerprint and number of an episode, and a receiver.
    Thread = tuple[str, int, str]

# What follows of an episode answers the message with which it began.
_ANSWERS: frozenset[Kind] = frozenset({"repeated", "resolved", "restated", "known"})
# What ends it edits that message too, so that nobody takes it for what holds now.
_ENDS: frozenset[Kind] = frozenset({"resolved", "restated", "known"})


class Earlier(Protocol):
    """What was delivered before: `Store.outbox`."""

    def root(self, fingerprint: str, episode: int, receiver: str) -> str | None:
        """The key of the first message about an episode to a receiver."""
        ...

    def get(self, keys: Iterable[str]) -> Mapping[str, Waiting]:
        """Deliveries by key."""
        ...

    def told(self, fingerprint: str, episode: int) -> list[Waiting]:
        """Every delivery about an episode, to any receiver."""
        ...


def deliveries(outgoing: Sequence[Outgoing], earlier: Earlier) -> list[NewDelivery]:
    """Each message as a post, or as an answer in the thread in which its episode began.

    An end edits the first message beside that, unless it told of other alerts too. Many alerts in
    one message have no thread of their own: they are a post. What began and ended between two runs
    is told by a post and the answer to it.
    """
    answered = {_thread(one) for one in outgoing if _kind(one) in _ANSWERS}
    begun: dict[Thread, str] = {}
    found: list[NewDelivery] = []
    for out in outgoing:
        thread, key = _thread(out), ""
        if thread in answered and thread is not None and _kind(out) not in _ANSWERS:
            key = begun[thread] = str(uuid.uuid4())
        found += _deliveries(out, earlier, key, begun.get(thread) if thread else None)
    return found


def told_to(transitions: Iterable[Transition], earlier: Earlier) -> dict[str, tuple[str, ...]]:
    """The receivers that know of an incident, for what follows of it."""
    found: dict[str, tuple[str, ...]] = {}
    for one in transitions:
        if one.told and one.kind in _ANSWERS:
            known = earlier.told(one.fingerprint, one.episode)
            names = tuple(dict.fromkeys(waiting.receiver for waiting in known))
            if names:
                found[f"{one.fingerprint}.{one.episode}"] = names
    return found


def _deliveries(
    out: Outgoing, earlier: Earlier, key: str, begun: str | None
) -> Iterator[NewDelivery]:
    """`key`: its own, if it is to be answered; `begun`: of what began its episode in this run."""
    alert = _only(out)
    root = None
    if alert is not None and alert.kind in _ANSWERS:
        root = begun or earlier.root(alert.fingerprint, alert.episode, out.receiver)
    if alert is None or root is None:
        yield NewDelivery(out.receiver, out.message, key=key)
        return
    yield NewDelivery(out.receiver, out.message, "reply", root)
    if alert.kind in _ENDS and (root == begun or _is_alone(root, earlier)):
        yield NewDelivery(out.receiver, out.message, "edit", root)


def _is_alone(key: str, earlier: Earlier) -> bool:
    """Whether a message told of one alert."""
    first = earlier.get([key]).get(key)
    return first is not None and len(first.message.alerts) == 1


def _thread(out: Outgoing) -> Thread | None:
    alert = _only(out)
    return None if alert is None else (alert.fingerprint, alert.episode, out.receiver)


def _kind(out: Outgoing) -> Kind | None:
    alert = _only(out)
    return None if alert is None else alert.kind


def _only(out: Outgoing) -> Alert | None:
    alerts = out.message.alerts
    return alerts[0] if len(alerts) == 1 else None
