"""From messages to deliveries: what answers which earlier message, and which of them is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from alerts.state.outbox import NewDelivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alerts.notify.message import Alert, Kind
    from alerts.runner.compose import Outgoing
    from alerts.state.model import Transition
    from alerts.state.outbox import Waiting

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


def deliveries(outgoing: Iterable[Outgoing], earlier: Earlier) -> list[NewDelivery]:
    """Each message as a post, or as an answer in the thread in which its episode began.

    An end edits the first message beside that, unless it told of other alerts too. Many alerts in
    one message have no thread of their own: they are a post.
    """
    return [one for out in outgoing for one in _deliveries(out, earlier)]


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


def _deliveries(out: Outgoing, earlier: Earlier) -> Iterator[NewDelivery]:
    alert = _only(out)
    root = None
    if alert is not None and alert.kind in _ANSWERS:
        root = earlier.root(alert.fingerprint, alert.episode, out.receiver)
    if alert is None or root is None:
        yield NewDelivery(out.receiver, out.message)
        return
    yield NewDelivery(out.receiver, out.message, "reply", root)
    first = earlier.get([root]).get(root)
    if alert.kind in _ENDS and first is not None and len(first.message.alerts) == 1:
        yield NewDelivery(out.receiver, out.message, "edit", root)


def _only(out: Outgoing) -> Alert | None:
    alerts = out.message.alerts
    return alerts[0] if len(alerts) == 1 else None
