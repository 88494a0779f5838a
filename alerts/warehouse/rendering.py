"""Jinja in profiles.yml and in vars, rendered as dbt does, without dbt's one-second import.

dbt renders each text of the file by itself. A lone expression keeps its type, text with an
expression in it stays text, and the filters as_number, as_bool and as_native read a literal.
"""

from __future__ import annotations

import ast
import os
from itertools import islice
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class _Literal(str):
    """A text that a filter asks to read as a literal of the given types."""

    __slots__ = ("wanted",)
    wanted: tuple[type, ...]

    def __new__(cls, value: Any, wanted: tuple[type, ...] = ()) -> _Literal:
        literal = super().__new__(cls, value)
        literal.wanted = wanted
        return literal


def render(value: Any, file: Path, key: str = "") -> Any:
    """All texts in a YAML value rendered; file and key are for messages, which quote no text.

    What stands under a key `password` may look like Jinja without being it, as dbt allows.
    """
    if isinstance(value, dict):
        return {name: render(item, file, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [render(item, file, key) for item in value]
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return _render_text(value, file, key)
    return value


def _render_text(text: str, file: Path, key: str) -> Any:
    import jinja2  # noqa: PLC0415 - most values need none
    import jinja2.sandbox  # noqa: PLC0415

    environment = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined)
    environment.filters |= {
        "as_text": str,
        "as_bool": lambda value: _Literal(value, (bool,)),
        "as_number": lambda value: _Literal(value, (int, float)),
        "as_native": lambda value: _Literal(value, (object,)),
    }

    def env_var(name: str, default: Any = None) -> Any:
        if name in os.environ:
            return os.environ[name]
        if default is None:
            raise ConfigurationError(
                f"{file}: environment variable {name} is not set: set it, or give a default"
            )
        return default

    # A lone expression is compiled as such, since template output would turn it into text.
    inner = _lone_expression(text, environment)
    try:
        if inner is None:
            return environment.from_string(text).render(env_var=env_var)
        return _read_literal(environment.compile_expression(inner)(env_var=env_var))
    except ConfigurationError:
        raise
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        if key in ("password", "pass"):
            return text
        raise ConfigurationError(f"{file}: cannot render `{key}`: {error}") from None


def _lone_expression(text: str, environment: Any) -> str | None:
    """The inside of `{{ … }}` where that is the whole text."""
    stripped: Iterable[tuple[int, str, str]] = ()
    if text.startswith("{{") and text.endswith("}}"):
        try:
            stripped = list(environment.lex(text))
        except Exception:  # noqa: BLE001 - rendering will say what is wrong with it
            return None
    kinds = [kind for _, kind, _ in stripped]
    if kinds.count("variable_begin") == 1 and "data" not in kinds:
        return "".join(value for _, _, value in islice(stripped, 1, len(kinds) - 1))
    return None


def _read_literal(value: Any) -> Any:
    """What a filter's mark asks for; a text that is no literal of that type is an error."""
    if not isinstance(value, _Literal):
        return value
    try:
        result = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        result = str(value)
    if object in value.wanted:
        return result
    if not isinstance(result, value.wanted) or (
        isinstance(result, bool) and bool not in value.wanted
    ):
        wanted = "bool" if bool in value.wanted else "number"
        raise ValueError(f"not a {wanted}")
    return result
