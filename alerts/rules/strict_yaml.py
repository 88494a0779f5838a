"""A YAML reader for configuration: what is written is what is read, with the line of everything.

Built on PyYAML's events rather than its loader, because YAML 1.1 takes `12:30` for a number,
`no` for false and `1e-3` for text, lets a key be given twice, and expands aliases without bound.
Here a plain word is a number, `true`, `false`, `null` or text, as in JSON, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A file's content as dicts, lists and scalars, and the line of every key and item."""

    path: Path
    content: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read(path: Path) -> Document:
    """Read a file; every way in which it cannot be read is a `ConfigurationError`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than 1 MB: split it into several files")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8: save the file as UTF-8") from None
    try:
        return _Builder(path).build(text)
    except _RefusedError as refusal:
        raise ConfigurationError(f"{path}:{refusal.line}: {refusal}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError:
        msg = f"{path}:1: not YAML: it holds a character that YAML does not allow"
        raise ConfigurationError(msg) from None


def scalar(event: yaml.ScalarEvent) -> Any:
    """The value of a scalar: quoted is text, plain is what JSON would make of it, or text."""
    text: str = event.value
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


class _Builder:
    """Turns events into a `Document`, remembering where everything stood."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}

    def build(self, text: str) -> Document:
        self.events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        next(self.events)  # the stream
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return Document(self.path, None)
        content = self._value(self._next(), ())
        next(self.events)  # the document's end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _RefusedError(
                _line(after), "a second document (---): one file holds one document"
            )
        return Document(self.path, content, self.lines)

    def _next(self) -> yaml.Event:
        event = next(self.events)
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(_line(event), f"an alias (*{event.anchor}): write the value out")
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            raise _RefusedError(_line(event), f"an anchor (&{anchor}): write the value out")
        if tag is not None:
            raise _RefusedError(_line(event), f"a tag ({tag}): leave it out")
        return event

    def _value(self, event: yaml.Event, place: Place) -> Any:
        if len(place) > MAX_DEPTH:
            raise _RefusedError(_line(event), f"nested more than {MAX_DEPTH} deep")
        self.lines.setdefault(place, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        if isinstance(event, yaml.ScalarEvent):
            return scalar(event)
        raise _RefusedError(_line(event), "not a value")

    def _mapping(self, place: Place) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = _line(event)
            key = scalar(event) if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(key, str):
                written = getattr(event, "value", "")
                raise _RefusedError(line, f"the key {written!r} is not text: put it in quotes")
            inner = (*place, key)
            if key in content:
                first = self.lines[inner]
                raise _RefusedError(line, f"the key {key!r} is given twice, first on line {first}")
            self.lines[inner] = line
            content[key] = self._value(self._next(), inner)
        return content

    def _sequence(self, place: Place) -> list[Any]:
        content: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            content.append(self._value(event, (*place, len(content))))
        return content


def _line(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark is not None else 1
