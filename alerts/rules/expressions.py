"""The two small notations of a rule file: a condition (`< 0.04`) and a duration (`2d`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_LENGTH = r"[1-9]\d{0,5}[mhdw]"
_CONDITION = re.compile(
    rf"(<=|>=|<|>)\s*(?:({_LENGTH})|({_NUMBER})|([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*))"
)
_DURATION = re.compile(r"([1-9]\d{0,5})(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Condition:
    """When a value breaches: an operator and a number, or a column of a reference table.

    A duration is its number of seconds, with `is_duration`.
    """

    operator: str
    bound: float | None
    table: str = ""
    column: str = ""
    is_duration: bool = False

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read `< 0.04` or `< surfaces.min_ctr`; a `ValueError` says what was expected."""
        match = _CONDITION.fullmatch(text.strip())
        if match is None:
            msg = (
                f"{text!r} is not a condition: write an operator and a number, such as "
                '"< 0.04", or a column of a reference table, such as "< surfaces.min_ctr"'
            )
            raise ValueError(msg)
        operator, length, number, table, column = match.groups()
        if length is not None:
            return cls(operator, parse_duration(length).total_seconds(), is_duration=True)
        if number is None:
            return cls(operator, None, table, column)
        return cls(operator, float(number))

    def __str__(self) -> str:
        """As it is written in a rule file."""
        if self.bound is None:
            return f"{self.operator} {self.table}.{self.column}"
        if self.is_duration:
            return f"{self.operator} {format_duration(timedelta(seconds=self.bound))}"
        return f"{self.operator} {self.bound:g}"


def parse_duration(text: str) -> timedelta:
    """Read `30m`, `1h`, `2d`, `1w`; a `ValueError` says what was expected."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        msg = f"{text!r} is not a duration: write a whole number and m, h, d or w, such as 2d"
        raise ValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(length: timedelta) -> str:
    """The notation back, in the largest unit that fits."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
