"""Rule files into rules, with every error named by file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from alerts.errors import ConfigurationError
from alerts.rules.model import (
    KINDS,
    RECEIVERS,
    Console,
    InhibitedBy,
    MinDenominator,
    Route,
    RuleFile,
)
from alerts.rules.references import check_fallback, check_route, check_rule_names, suggest
from alerts.rules.semantics import check_receiver, check_rule
from alerts.rules.strict_yaml import Document, Place, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from alerts.rules.model import ReceiverConfig, Rule

MAX_ERRORS = 10
_SHAPES = {"tuple_type": "a list", "model_type": "keys and values", "dict_type": "keys and values"}


@dataclass(frozen=True)
class RuleSet:
    """The rules of all files, in order, the receivers by name, and the routes in order."""

    rules: tuple[Rule, ...]
    receivers: Mapping[str, ReceiverConfig]
    routes: tuple[Route, ...] = ()

    def only(self, names: Sequence[str]) -> RuleSet:
        """The named rules; all of them where no name is given."""
        known = {rule.name: rule for rule in self.rules}
        for name in names:
            if name not in known:
                raise ConfigurationError(f"no rule {name!r}: {suggest(name, known)}")
        chosen = tuple(rule for rule in self.rules if not names or rule.name in names)
        return RuleSet(chosen, self.receivers, self.routes)


@dataclass
class _Merge:
    """What several files say together; a name given twice is an error at its second place."""

    errors: list[tuple[str, int, str]] = field(default_factory=list)
    rules: dict[str, Rule] = field(default_factory=dict)
    receivers: dict[str, ReceiverConfig] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    def error(self, document: Document, place: Place, message: str) -> None:
        self.errors.append((str(document.path), document.line(place), message))

    def claim(self, kind: str, name: str, document: Document, place: Place) -> bool:
        first = self.places.get((kind, name))
        if first is not None:
            self.error(document, place, f"a second {kind} named {name!r}, the first is at {first}")
            return False
        self.places[kind, name] = f"{document.path}:{document.line(place)}"
        return True


def load_rules(paths: Sequence[Path]) -> RuleSet:
    """Read and check all files; raises one `ConfigurationError` with up to ten findings."""
    merge = _Merge()
    files: list[tuple[Document, RuleFile]] = []
    for document in [read(path) for path in dict.fromkeys(paths)]:
        try:
            files.append((document, RuleFile.model_validate(document.content)))
        except ValidationError as error:
            for details in error.errors(include_url=False):
                merge.error(document, *_explain(document, details))
    for document, content in files:
        _merge_file(merge, document, content)
    if len(files) == len(set(paths)):
        _check_names(merge, files)
    if merge.errors:
        raise ConfigurationError(_listing(merge.errors))
    merge.receivers.setdefault("console", Console(name="console", type="console"))
    routes = tuple(route for _, content in files for route in content.routes)
    return RuleSet(tuple(merge.rules.values()), merge.receivers, routes)


def _merge_file(merge: _Merge, document: Document, content: RuleFile) -> None:
    for index, config in enumerate(content.receivers):
        place: Place = ("receivers", index)
        for inner, message in check_receiver(config):
            merge.error(document, (*place, *inner), message)
        if merge.claim("receiver", config.name, document, place):
            merge.receivers[config.name] = config
    for index, rule in enumerate(content.rules):
        place = ("rules", index)
        for inner, message in check_rule(rule):
            merge.error(document, (*place, *inner), f"rule {rule.name!r}: {message}")
        if merge.claim("rule", rule.name, document, place):
            merge.rules[rule.name] = rule


def _check_names(merge: _Merge, files: Sequence[tuple[Document, RuleFile]]) -> None:
    console = Console(name="console", type="console")
    receivers = {"console": console, **merge.receivers}
    for document, content in files:
        for index, rule in enumerate(content.rules):
            for inner, message in check_rule_names(rule, merge.rules, receivers):
                place: Place = ("rules", index, *inner)
                merge.error(document, place, f"rule {rule.name!r}: {message}")
        for index, route in enumerate(content.routes):
            for inner, message in check_route(route, receivers):
                merge.error(document, ("routes", index, *inner), f"route {index + 1}: {message}")
        for index, config in enumerate(content.receivers):
            for inner, message in check_fallback(config, receivers):
                place = ("receivers", index, *inner)
                merge.error(document, place, f"receiver {config.name!r}: {message}")


def _explain(document: Document, details: ErrorDetails) -> tuple[Place, str]:
    """Where a validation error stands in the file, and what to do about it."""
    place = tuple(_walk(document.content, details["loc"]))
    kind = details["type"]
    leaf = details["loc"][-1] if details["loc"] else "the file"
    given = details.get("input")
    if kind == "extra_forbidden":
        message = f"unknown field {leaf!r}: {suggest(str(leaf), _fields(details['loc']))}"
    elif kind == "missing":
        message = f"the field {leaf!r} is missing"
    elif kind == "string_type" and isinstance(given, int | float):
        message = f"{leaf!r} takes text, not {_written(given)}: put it in quotes"
    elif kind == "string_type":
        message = f"{leaf!r} takes text"
    elif kind in {"union_tag_invalid", "union_tag_not_found"}:
        chosen, message = _unknown_kind(details)
        place = (*place, chosen)
    elif kind in _SHAPES:
        message = f"{leaf!r} takes {_SHAPES[kind]}" if details["loc"] else "a rule file has keys"
    elif kind == "value_error":
        message = details["msg"].removeprefix("Value error, ")
    elif str(leaf).endswith("_env"):
        # What stands there may be the secret itself: it is not repeated.
        message = f"{leaf!r} takes the name of an environment variable, such as SLACK_BOT_TOKEN"
    elif kind == "string_pattern_mismatch":
        message = f"{leaf!r}: {given!r} does not match {details['ctx']['pattern']}"
    else:
        message = f"{leaf!r}: {details['msg'][:1].lower()}{details['msg'][1:]}"
    return place, message


def _unknown_kind(details: ErrorDetails) -> tuple[str, str]:
    rule = "rules" in details["loc"]
    field_name: Literal["kind", "type"] = "kind" if rule else "type"
    given = details["input"]
    written = given.get(field_name) if isinstance(given, dict) else given
    known = ", ".join(map(repr, KINDS if rule else RECEIVERS))
    return field_name, f"unknown {field_name} {written!r}: one of {known}"


def _fields(loc: tuple[int | str, ...]) -> set[str]:
    """The fields of the model in which a place lies, by the tags pydantic leaves in it."""
    owners: dict[str, type[BaseModel]] = {
        **KINDS,
        **RECEIVERS,
        "routes": Route,
        "min_denominator": MinDenominator,
        "inhibited_by": InhibitedBy,
    }
    model: type[BaseModel] = RuleFile
    for step in loc[:-1]:
        model = owners.get(str(step), model)
    return {info.alias or name for name, info in model.model_fields.items()}


def _walk(content: Any, loc: tuple[int | str, ...]) -> Iterator[int | str]:
    """The part of pydantic's place that exists in the file (its tags of unions do not)."""
    for step in loc:
        if isinstance(content, dict):
            known = step in content
        else:
            known = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if known:
            content = content[step]
            yield step


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _listing(errors: Sequence[tuple[str, int, str]]) -> str:
    shown = [f"{path}:{line}: {message}" for path, line, message in sorted(errors)[:MAX_ERRORS]]
    if len(errors) > MAX_ERRORS:
        shown.append(f"and {len(errors) - MAX_ERRORS} more")
    return "\n".join(shown)
