"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from alerts.errors import RecwatchError

# `unknown`: it could not be looked at, which is never shown as fine.
Health = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: What: `rules`, `guardrails`, `profile`, `marts`, `freshness`, `loads`, `state`,
            `receivers`.
        health: How it is.
        found: What was seen, in a sentence.
        todo: What to do about it; empty where nothing is.
        exit_code: Of the program, where this is the gravest.
    """

    about: str
    health: Health
    found: str
    todo: str = ""
    exit_code: int = 0

    @classmethod
    def of_error(cls, about: str, error: RecwatchError) -> Finding:
        """An error that a command would end with: what is wrong, and after a colon what to do."""
        return cls(about, "fail", str(error), exit_code=error.exit_code)
