"""Silences: what is not to be told for a while, who said so, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from alerts.detectors import Labels

# The matcher on the rule's name; no label of a mart is called so.
RULE = "rule"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Silence:
    """Alerts that nobody is told of between two moments.

    Attributes:
        id: Given by the state store; empty before that.
        author: Who is to be asked.
        reason: Why, for whoever looks for a missing message.
        matchers: (name, pattern), all of which hold: the name is `rule` or a label, `*` in a
            pattern stands for any text and `?` for one character.
        starts: First moment, with a time zone.
        ends: First moment after it, with a time zone. There is none without an end.
    """

    id: str
    author: str
    reason: str
    matchers: tuple[tuple[str, str], ...]
    starts: datetime
    ends: datetime

    def __post_init__(self) -> None:
        """Refuse what nobody could answer for.

        Raises:
            ConfigurationError: without author, reason, matcher or time zone, or with an end that
                is not after the start.
        """
        if not self.author.strip() or not self.reason.strip():
            raise ConfigurationError("a silence needs an author and a reason")
        if not self.matchers:
            msg = "a silence needs a matcher, such as rule=ctr-floor; rule=* silences every rule"
            raise ConfigurationError(msg)
        if self.starts.tzinfo is None or self.ends.tzinfo is None:
            raise ConfigurationError("start and end of a silence need a time zone")
        if self.ends <= self.starts:
            raise ConfigurationError("a silence must end after it starts")

    def active(self, now: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.starts <= now < self.ends

    def matches(self, rule: str, labels: Labels) -> bool:
        """Whether it is about an alert; one without a named label is never matched by it."""
        known = {**dict(labels), RULE: rule}
        return all(name in known and fits(known[name], text) for name, text in self.matchers)


def silenced(
    silences: Iterable[Silence], rule: str, labels: Labels, now: datetime
) -> Silence | None:
    """The silence that holds an alert back: of several the one that lasts longest."""
    found = (one for one in silences if one.active(now) and one.matches(rule, labels))
    return max(found, key=lambda one: (one.ends, one.id), default=None)


def parse_matchers(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`rule=ctr-*` and `surface=home` as matchers.

    Raises:
        ConfigurationError: for a text that is no NAME=PATTERN, and for a name given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, pattern = text.partition("=")
        if not (equals and pattern and _NAME.fullmatch(name)):
            raise ConfigurationError(f"{text!r} is no matcher: write rule=NAME or LABEL=VALUE")
        if name in found:
            raise ConfigurationError(f"the matcher {name!r} is given twice")
        found[name] = pattern
    return tuple(found.items())


def fits(value: str, pattern: str) -> bool:
    """Whether a pattern with `*` and `?` covers the whole value; no other character is special."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None
