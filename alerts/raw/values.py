"""One value at a time, exactly: what a text must look like to be a time, a number, a boolean.

These functions decide. The fast paths elsewhere only recognise forms that these surely accept.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.raw.tables import Column

INVALID_BOOLEAN = "invalid_boolean"
INVALID_CSV = "invalid_csv"
INVALID_JSON = "invalid_json"
INVALID_NUMBER = "invalid_number"
INVALID_TEXT = "invalid_text"
INVALID_TIME = "invalid_time"
UNKNOWN_COLUMN = "unknown_column"
WRONG_WIDTH = "wrong_width"

_MICROS = 1_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST = (date.min.toordinal() - _EPOCH_DAY) * 86_400 * _MICROS
_AFTER_LAST = (date.max.toordinal() + 1 - _EPOCH_DAY) * 86_400 * _MICROS

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE]([+-]?[0-9]+))?")
_BOOLEANS = {"true": True, "false": False}


class Rejection(ValueError):  # noqa: N818 - not an error of the program: the row's fate
    """A row cannot be typed; the reason is what `rejected_rows` says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_time(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time with seconds; without a zone it is UTC.

    Integers throughout: a local year 0 or 10000 may still be in range once in UTC, which
    `datetime` could not hold on the way.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise Rejection(INVALID_TIME)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, zone_hour, zone_minute = match.groups()[6:]
    offset = 0
    if sign:
        offset = int(zone_hour) * 60 + int(zone_minute)
        if int(zone_hour) > 23 or int(zone_minute) > 59:
            raise Rejection(INVALID_TIME)
        offset = -offset if sign == "-" else offset
    if hour > 23 or minute > 59 or second > 59:
        raise Rejection(INVALID_TIME)
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + (minute - offset) * 60 + second
    micros = seconds * _MICROS + _fraction_micros(fraction or "")
    if not _FIRST <= micros < _AFTER_LAST:
        raise Rejection(INVALID_TIME)
    return micros


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970; year 0 is reckoned 400 years later, where the calendar is the same."""
    shifted = year + 400 if year == 0 else year
    try:
        ordinal = date(shifted, month, day).toordinal()
    except ValueError:
        raise Rejection(INVALID_TIME) from None
    return ordinal - _EPOCH_DAY - (146_097 if year == 0 else 0)


def _fraction_micros(digits: str) -> int:
    """Microseconds of a fraction's digits, the seventh rounding half up."""
    whole = int(digits[:6].ljust(6, "0"))
    return whole + (1 if digits[6:7] >= "5" else 0)


def parse_number(text: str, column: Column) -> Decimal:
    """The number a JSON number's text stands for, rounded half away from zero to the scale."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise Rejection(INVALID_NUMBER)
    exponent = match[1] or "0"
    mantissa = text[: match.start(1) - 1] if match[1] else text
    digits = mantissa.lstrip("-").replace(".", "").lstrip("0")
    if not digits:
        return Decimal(0).scaleb(-column.scale)
    # The place of the leading digit decides about an absurd exponent before Decimal sees it,
    # whose own exponents are bounded; ten digits of it outweigh any mantissa.
    power = exponent.lstrip("+-").lstrip("0")[:10] or "0"
    shift = -int(power) if exponent.startswith("-") else int(power)
    magnitude = len(digits) - len(mantissa.partition(".")[2]) + shift
    if magnitude > column.precision - column.scale:
        raise Rejection(INVALID_NUMBER)
    if magnitude < -column.scale:
        return Decimal(0).scaleb(-column.scale)
    rounded = Decimal(text).quantize(
        Decimal(1).scaleb(-column.scale),
        context=Context(prec=len(digits) + 64, rounding=ROUND_HALF_UP),
    )
    if abs(rounded) >= Decimal(10) ** (column.precision - column.scale):
        raise Rejection(INVALID_NUMBER)
    return rounded


def parse_boolean(text: str) -> bool:
    """`true` or `false`, in any case."""
    value = _BOOLEANS.get(text.lower()) if text.isascii() else None
    if value is None:
        raise Rejection(INVALID_BOOLEAN)
    return value


def storable_number(token: str) -> bool:
    """Whether all engines can hold this JSON number inside a document.

    It must be a double that is neither infinite nor a non-zero rounded to zero (Postgres refuses
    to cast such a one), have at most 1,000 characters (Spark's parser reads no more) and, if it
    is zero, no exponent beyond that (Postgres refuses 0e-20000).
    """
    if len(token) > 1_000:
        return False
    mantissa, _, exponent = token.lower().partition("e")
    value = float(token)
    if value == 0:
        is_zero = not mantissa.strip("-0.")
        return is_zero and len(exponent.lstrip("+-").lstrip("0")) <= 3
    return abs(value) != float("inf")


def printable(content: bytes) -> str:
    """What stood in the file as text that every engine stores: odd bytes and NULs escaped."""
    return content.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
