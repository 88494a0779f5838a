"""JSON documents inside a row: the same document, digit for digit, for every engine.

A document keeps its own text. Only one with duplicate keys is written anew, with the last value
of each key, since DuckDB would read the first and Postgres the last.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from alerts.raw.values import INVALID_JSON, Rejection, storable_number

if TYPE_CHECKING:
    from collections.abc import Sequence

# What orjson writes (254 levels) less the list that `certified` puts around many documents;
# Spark's parser takes 1,000, Postgres some 6,000.
MAX_DEPTH = 253

_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_BLANKS = b" \t\n\r"
_OPEN_OR_CLOSE = re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])')
# A pair of surrogates, then what must not be: U+0000 or a surrogate alone; then any other escape.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class Number(str):
    """A number as it is written, so that no digit is lost."""

    __slots__ = ()


def parse_json(text: str) -> tuple[Any, bool]:
    """The value of an RFC 8259 text, numbers as `Number`, and whether it has duplicate keys.

    Refused beside what the standard refuses: U+0000 and lone surrogates. How deep a document may
    go is for `check_document` to say: of a key that stands twice only the last value counts.
    """
    repeated = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        result = dict(pairs)
        repeated = repeated or len(result) != len(pairs)
        return result

    try:
        value = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        raise Rejection(INVALID_JSON) from None
    # On the text, since a duplicate key may have dropped the value that holds it.
    if "\\u" in text and any(match[1] for match in _ESCAPE.finditer(text)):
        raise Rejection(INVALID_JSON)
    return value, repeated


def nesting(text: str) -> int:
    """The deepest level of brackets outside strings."""
    deepest = level = 0
    for match in _OPEN_OR_CLOSE.finditer(text):
        if match[1]:
            level += 1
            deepest = max(deepest, level)
        elif match[2]:
            level -= 1
    return deepest


def check_document(text: str, opening: str) -> str:
    """The text to store for one document that must begin with `opening`: `{` or `[`."""
    value, repeated = parse_json(text)
    if not isinstance(value, dict if opening == "{" else list):
        raise Rejection(INVALID_JSON)
    if nesting(text) > MAX_DEPTH or not _sound_numbers(value):
        raise Rejection(INVALID_JSON)
    return write_json(value) if repeated else text


def write_json(value: Any) -> str:
    """A parsed value as compact JSON, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{write_json(key)}:{write_json(item)}" for key, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write_json(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def well_formed(document: str | bytes) -> bool:
    """Whether the text is one JSON value with nothing after it; false where that is unsure."""
    try:
        _decode_raw(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def certified(documents: Sequence[bytes], opening: str) -> bool:
    """Whether all these texts are surely what `check_document` would store unchanged.

    Where there are several, each must be known to be `well_formed`: else two broken ones could
    join into sound ones. If writing what was read gives the same bytes but for blanks, then no
    key was dropped as a duplicate, every number is the shortest text of a finite double or a
    64-bit integer, and no surrogate stands alone. Where it does not, nothing is decided yet.
    """
    joined = b"[" + b",".join(documents) + b"]"
    if b"\\u0000" in joined:
        return False
    try:
        values = orjson.loads(joined)
        written = orjson.dumps(values)
    except (orjson.JSONDecodeError, TypeError):  # TypeError: deeper than it writes
        return False
    kind = dict if opening == "{" else list
    return (
        len(values) == len(documents)
        and all(type(value) is kind for value in values)
        and (written == joined or _same_but_blanks(written, joined))
    )


def _same_but_blanks(one: bytes, other: bytes) -> bool:
    return one.translate(None, _BLANKS) == other.translate(None, _BLANKS)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _sound_numbers(value: Any) -> bool:
    if isinstance(value, Number):
        return storable_number(value)
    if isinstance(value, dict):
        return all(_sound_numbers(item) for item in value.values())
    if isinstance(value, list):
        return all(_sound_numbers(item) for item in value)
    return True
