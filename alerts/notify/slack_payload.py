"""A message as Slack's Block Kit, within Slack's limits.

Only attachments can carry a colour, so the blocks stand in one. Every text out of data is
escaped, and `verbatim` keeps Slack from making links and mentions of what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.notify.text import fit, mrkdwn, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.notify.message import Alert, Message

COLOURS = {"info": "#439FE0", "warn": "#DAA038", "page": "#D00000"}
HEADER = 150
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
BLOCKS = 50
TOTAL = 10_000
# What is left of the total for a single playbook or list beside the other blocks.
_LONG_TEXT = 2_500
_FACT = 200

Block = dict[str, Any]


def payload(message: Message) -> dict[str, Any]:
    """The arguments of `chat.postMessage` and of a webhook, but for the channel."""
    blocks: list[Block] = [_header(message.headline)]
    if len(message.alerts) == 1:
        blocks += _single(message.alerts[0])
    else:
        blocks += _many(message.alerts)
        blocks += _command(message.command)
    return {
        "text": mrkdwn(one_line(message.headline), SECTION),
        "attachments": [{"color": COLOURS[message.severity], "blocks": blocks[:BLOCKS]}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _single(alert: Alert) -> Iterator[Block]:
    yield _section(mrkdwn(alert.summary, _LONG_TEXT))
    if alert.facts:
        fields = [_text(_fact(name, value)) for name, value in alert.facts[:FIELDS]]
        yield {"type": "section", "fields": fields}
    if alert.description:
        yield _section(mrkdwn(alert.description, 1_000))
    if alert.playbook.strip():
        yield _section("*Playbook*\n" + mrkdwn(alert.playbook.strip(), _LONG_TEXT))
    yield from _command(alert.command)


def _many(alerts: Sequence[Alert]) -> Iterator[Block]:
    """A line per alert, as many as fit; how many do not is said."""
    room = TOTAL - 3_000
    lines: list[str] = []
    for alert in alerts:
        title = mrkdwn(one_line(alert.title), _FACT)
        line = f"• *{title}* {mrkdwn(one_line(alert.summary), _FACT)}"
        if len(line) > room:
            break
        room -= len(line) + 1
        lines.append(line)
    left = len(alerts) - len(lines)
    if left:
        lines.append(f"… and {left} more")
    yield from _sections(lines)


def _sections(lines: Sequence[str]) -> Iterator[Block]:
    text = ""
    for line in lines:
        if text and len(text) + len(line) + 1 > SECTION:
            yield _section(text)
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield _section(text)


def _command(command: str) -> Iterator[Block]:
    if command:
        code = f"`{mrkdwn(one_line(command), 1_000)}`"
        yield {"type": "context", "elements": [_text(code)]}


def _fact(name: str, value: str) -> str:
    return f"*{mrkdwn(one_line(name), _FACT)}*\n{mrkdwn(one_line(value), _FACT)}"


def _header(text: str) -> Block:
    # Plain text knows no mark-up: nothing is escaped here, and `emoji` off leaves `:x:` alone.
    shown = fit(one_line(text), HEADER)
    return {"type": "header", "text": {"type": "plain_text", "text": shown, "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
