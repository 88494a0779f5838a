"""The kinds of field that a rule file has."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from alerts.rules.expressions import Condition, format_duration, parse_duration

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"

Severity = Literal["info", "warn", "page"]
# What another rule may be in for a playbook to hold.
Situation = Literal[
    "normal", "pending", "firing", "recovering", "no_data", "invalid", "error", "too_few"
]
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Count = Annotated[int, Strict(), Field(ge=1)]
Confidence = Annotated[float, Strict(), Field(gt=0.5, lt=1)]
AtLeastOne = Annotated[float, Strict(), Field(ge=1, allow_inf_nan=False)]


def _condition(value: Any) -> Condition:
    return value if isinstance(value, Condition) else Condition.parse(_text(value))


def _duration(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise PydanticCustomError("string_type", "takes text")


def _names(value: Any) -> Any:
    """One name or a list of them."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        return value
    raise PydanticCustomError("names_type", "takes a name or a list of names")


def _design_effect(value: Any) -> float | None:
    """A number, or None for `auto`."""
    if value is None or value == "auto":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < 1e6:
        return float(value)
    raise PydanticCustomError("design_effect", "takes auto, or a number that is 1 or more")


When = Annotated[
    Condition,
    BeforeValidator(_condition),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "examples": ["< 0.04", "< surfaces.min_ctr", "> 2", "> 26h"]}
    ),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]*[mhdw]$"}),
]
Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_names),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _NAME},
                {"type": "array", "items": {"type": "string", "pattern": _NAME}},
            ]
        }
    ),
]
# None stands for `auto`: from the series' own past.
DesignEffect = Annotated[
    float | None,
    BeforeValidator(_design_effect),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 1}, {"const": "auto"}]}),
]


class Strictly(BaseModel):
    """What says no more than it may."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)
