"""The terminal as a receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notify.kinds import by_kind, remark
from alerts.notify.message import Delivery
from alerts.notify.text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.notify.message import Alert, Message, Parcel


class ConsoleReceiver:
    """Prints messages with the function it is given."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo

    def send(self, parcel: Parcel) -> Delivery:
        """Print the message. What is printed cannot be edited: the answer beside it tells."""
        if parcel.action == "edit":
            return Delivery("delivered", "a terminal cannot be edited")
        self._echo(render(parcel.message))
        return Delivery("delivered")

    def find(self, parcel: Parcel) -> Delivery | None:  # noqa: ARG002 - nothing to look in
        """A terminal cannot be asked."""
        return None


def render(message: Message) -> str:
    """A message as plain text. Many alerts are listed by a line each, one is told in full."""
    if len(message.alerts) == 1:
        return _whole(message.headline, message.alerts[0])
    lines = [one_line(message.headline)]
    for heading, group in by_kind(message.alerts):
        lines += [f"  {heading}:"] if heading else []
        lines += [f"  {one_line(alert.title)}: {one_line(alert.summary)}" for alert in group]
    if message.command:
        lines.append(f"  $ {message.command}")
    return "\n".join(lines)


def _whole(headline: str, alert: Alert) -> str:
    said = remark(headline, alert)
    lines = [one_line(headline)]
    lines += [f"  {said}"] if said else []
    lines.append(f"  {one_line(alert.summary)}")
    lines += [f"  {one_line(alert.trend)}"] if alert.trend else []
    lines += [f"  {one_line(name)}: {one_line(value)}" for name, value in alert.facts]
    lines += ["  what moved it:"] if alert.why else []
    lines += [f"    {one_line(line)}" for line in alert.why]
    if alert.description:
        lines.append(f"  {one_line(alert.description)}")
    lines += [f"  | {line}" for line in plain(alert.playbook).rstrip().splitlines()]
    lines += [f"  ({one_line(note)})" for note in alert.notes]
    if alert.command:
        lines.append(f"  $ {alert.command}")
    return "\n".join(lines)
