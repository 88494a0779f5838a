"""Silences: what is not told for a while, by whose decision, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Matcher = tuple[str, str]


@dataclass(frozen=True)
class Silence:
    """What is not told from `starts` until `ends`, both wall time.

    A matcher names a label and its value; the label `rule` is the rule's name. All must hold. A
    value that ends with `*` stands for all that begin so.
    """

    number: int
    author: str
    reason: str
    matchers: tuple[Matcher, ...]
    starts: datetime
    ends: datetime

    def is_active(self, now: datetime) -> bool:
        """Whether it holds at that moment."""
        return self.starts <= now < self.ends

    def matches(self, rule: str, labels: Mapping[str, str]) -> bool:
        """Whether it silences that series."""
        known = {**labels, "rule": rule}
        return all(_fits(value, known.get(name)) for name, value in self.matchers)

    @property
    def title(self) -> str:
        """What a message or a history names it by."""
        return f"silence {self.number} by {self.author}: {self.reason}"


def parse_matcher(text: str) -> Matcher:
    """`surface=home` or `rule=ctr-*`; a `ConfigurationError` where it is neither."""
    name, equals, value = text.partition("=")
    if not name.strip() or not equals or not value.strip():
        raise ConfigurationError(f"{text!r} is no matcher: write LABEL=VALUE or rule=NAME")
    return name.strip(), value.strip()


def _fits(wanted: str, value: str | None) -> bool:
    if value is None:
        return False
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
