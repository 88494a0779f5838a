"""A message as Slack's Block Kit, within Slack's limits.

Only attachments can carry a colour, so the blocks stand in one. Every text is
escaped, and `verbatim` keeps Slack from making links and mentions of what data hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.notify.text import fit, mrkdwn, one_line, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.notify.message import Alert, Message

COLOURS = {"info": "#439FE0", "warn": "#DAA038", "page": "#D00000"}
HEADER = 150
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
BLOCKS = 50
# Shares of the total, so that no part crowds out another.
_FALLBACK = 300
_SUMMARY = 2_000
_DESCRIPTION = 1_000
_PLAYBOOK = 2_500
_LIST = 7_000
_COMMAND = 600
_NAME = 60
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
        "text": mrkdwn(one_line(message.headline), _FALLBACK),
        "attachments": [{"color": COLOURS[message.severity], "blocks": blocks[:BLOCKS]}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _single(alert: Alert) -> Iterator[Block]:
    yield _section(mrkdwn(alert.summary, _SUMMARY))
    if alert.facts:
        fields = [_text(_fact(name, value)) for name, value in alert.facts[:FIELDS]]
        yield {"type": "section", "fields": fields}
    if alert.description:
        yield _section(mrkdwn(alert.description, _DESCRIPTION))
    if alert.playbook.strip():
        # Written by the team, not by data: its addresses may become links.
        text = "*Playbook*\n" + mrkdwn(alert.playbook.strip(), _PLAYBOOK)
        yield {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": False}}
    yield from _command(alert.command)


def _many(alerts: Sequence[Alert]) -> Iterator[Block]:
    """A line per alert, as many as fit; how many do not is said."""
    room = _LIST
    lines: list[str] = []
    for alert in alerts:
        title = mrkdwn(one_line(alert.title), _FACT)
        line = f"• *{title}* {mrkdwn(one_line(alert.summary), _FACT)}"
        if width(line) > room:
            break
        room -= width(line) + 1
        lines.append(line)
    left = len(alerts) - len(lines)
    if left:
        lines.append(f"… and {left} more")
    yield from _sections(lines)


def _sections(lines: Sequence[str]) -> Iterator[Block]:
    text = ""
    for line in lines:
        if text and width(text) + width(line) + 1 > SECTION:
            yield _section(text)
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield _section(text)


def _command(command: str) -> Iterator[Block]:
    if command:
        code = f"`{mrkdwn(one_line(command), _COMMAND)}`"
        yield {"type": "context", "elements": [_text(code)]}


def _fact(name: str, value: str) -> str:
    return f"*{mrkdwn(one_line(name), _NAME)}*\n{mrkdwn(one_line(value), _FACT)}"


def _header(text: str) -> Block:
    # Plain text knows no mark-up: nothing is escaped here, and `emoji` off leaves `:x:` alone.
    shown = fit(one_line(text), HEADER)
    return {"type": "header", "text": {"type": "plain_text", "text": shown, "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
