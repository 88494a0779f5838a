"""Text out of data, made harmless: for terminals, and for Slack's mark-up."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str) -> str:
    """Text without characters that steer a terminal or turn the direction of writing.

    Newlines stay; every other control, format or surrogate character becomes a visible mark.
    """
    return "".join(_harmless(char) for char in text)


def one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())


def fit(text: str, limit: int) -> str:
    """Plain text of at most `limit` characters, an ellipsis where it was cut."""
    return _cut(list(plain(text)), limit)


def mrkdwn(text: str, limit: int) -> str:
    """Text as Slack's mark-up shows it literally, at most `limit` characters when escaped.

    `&<>` become entities, so that no mention and no link comes out of data; a backtick becomes
    an apostrophe, so that no code span can be closed. An entity is never cut in two.
    """
    return _cut([_ENTITIES.get(char, char) for char in plain(text).replace("`", "'")], limit)


def width(text: str) -> int:
    """The length as Slack counts it: in UTF-16, where an emoji is two."""
    return len(text) + sum(char > "\uffff" for char in text)


def _cut(pieces: list[str], limit: int) -> str:
    """As many pieces as fit, none divided."""
    room = limit
    for place, piece in enumerate(pieces):
        room -= width(piece)
        if room < 0:
            kept = pieces[:place]
            while kept and sum(map(width, kept)) > limit - 1:
                kept.pop()
            return "".join(kept) + ELLIPSIS
    return "".join(pieces)


def _harmless(char: str) -> str:
    if char == "\n" or not unicodedata.category(char).startswith("C"):
        return char
    return " " if char == "\t" else REPLACEMENT
