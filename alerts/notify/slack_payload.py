"""A message as Slack's Block Kit, within Slack's limits.

Only attachments can carry a colour, so the blocks stand in one. Every text is
escaped, and `verbatim` keeps Slack from making links and mentions of what data hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.notify.kinds import by_kind, remark
from alerts.notify.message import SEVERITIES
from alerts.notify.text import fit, mrkdwn, one_line, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.notify.message import Alert, Message

COLOURS = {"info": "#439FE0", "warn": "#DAA038", "page": "#D00000"}
OVER = "#2EB886"
UNKNOWN = "#8D8D8D"
RESTATED = "#6B4FA0"
HEADER = 150
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
BLOCKS = 50
# Shares of the total, so that no part crowds out another.
_FALLBACK = 300
_SUMMARY = 1_500
_DESCRIPTION = 1_000
_PLAYBOOK = 2_000
_LIST = 7_000
_COMMAND = 600
_NAME = 60
_FACT = 200
_TREND = 120
_REASONS = 5
_REASON = 200
_NOTES = 4
_NOTE = 170

Block = dict[str, Any]


def payload(message: Message) -> dict[str, Any]:
    """The arguments of `chat.postMessage` and of a webhook, but for the channel."""
    blocks: list[Block] = [_header(message.headline)]
    if len(message.alerts) == 1:
        blocks += _single(message.headline, message.alerts[0])
    else:
        blocks += _many(message.alerts)
        blocks += _command(message.command)
    return {
        "text": mrkdwn(one_line(message.headline), _FALLBACK),
        "attachments": [{"color": colour(message), "blocks": blocks[:BLOCKS]}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def edited(content: dict[str, Any]) -> dict[str, Any]:
    """The same as the arguments of `chat.update`, which knows fewer."""
    return {name: content[name] for name in ("text", "attachments")}


def colour(message: Message) -> str:
    """Of the gravest alert that fires; where none does, of what the alerts tell."""
    firing = [one.severity for one in message.alerts if one.kind in {"firing", "repeated"}]
    if firing:
        return COLOURS[max(firing, key=SEVERITIES.index)]
    kinds = {alert.kind for alert in message.alerts}
    if "unknown" in kinds:
        return UNKNOWN
    return RESTATED if "restated" in kinds else OVER


def _single(headline: str, alert: Alert) -> Iterator[Block]:
    said = remark(headline, alert)
    if said:
        yield _context(f"*{said}*")
    yield _section(mrkdwn(alert.summary, _SUMMARY))
    if alert.trend:
        yield _context(_code(alert.trend, _TREND))
    if alert.facts:
        fields = [_text(_fact(name, value)) for name, value in alert.facts[:FIELDS]]
        yield {"type": "section", "fields": fields}
    if alert.why:
        lines = [f"• {mrkdwn(one_line(line), _REASON)}" for line in alert.why[:_REASONS]]
        yield _section("\n".join(["*What moved it*", *lines]))
    if alert.description:
        yield _section(mrkdwn(alert.description, _DESCRIPTION))
    if alert.playbook.strip():
        # Written by the team, not by data: its addresses may become links.
        text = "*Playbook*\n" + mrkdwn(alert.playbook.strip(), _PLAYBOOK)
        yield {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": False}}
    if alert.notes:
        yield _context("\n".join(mrkdwn(one_line(note), _NOTE) for note in alert.notes[:_NOTES]))
    yield from _command(alert.command)


def _many(alerts: Sequence[Alert]) -> Iterator[Block]:
    """A line per alert under its kind, as many as fit; how many do not is said."""
    room = _LIST
    listed = 0
    lines: list[str] = []
    for heading, group in by_kind(alerts):
        above = [f"*{heading}*"] if heading else []
        for alert in group:
            more = [*above, _listed(alert)]
            room -= sum(width(line) + 1 for line in more)
            if room < 0:
                break
            lines += more
            listed += 1
            above = []
    if listed < len(alerts):
        lines.append(f"… and {len(alerts) - listed} more")
    yield from _sections(lines)


def _listed(alert: Alert) -> str:
    title = mrkdwn(one_line(alert.title), _FACT)
    return f"• *{title}* {mrkdwn(one_line(alert.summary), _FACT)}"


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
        yield _context(_code(command, _COMMAND))


def _code(text: str, limit: int) -> str:
    return f"`{mrkdwn(one_line(text), limit)}`"


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_text(text)]}


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
