"""Jinja in profiles.yml and in vars, rendered as dbt does, without dbt's one-second import.

dbt renders each text of the file by itself. A lone expression keeps its type, text with an
expression in it stays text, and the filters as_number, as_bool and as_native read a literal.
"""

from __future__ import annotations

import ast
import os
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
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
    import jinja2.nativetypes  # noqa: PLC0415
    import jinja2.sandbox  # noqa: PLC0415

    class Environment(jinja2.sandbox.SandboxedEnvironment):
        code_generator_class = jinja2.nativetypes.NativeCodeGenerator

    def env_var(name: str, default: Any = None) -> Any:
        if name in os.environ:
            return os.environ[name]
        if default is None:
            raise ConfigurationError(
                f"{file}: environment variable {name} is not set: set it, or give a default"
            )
        return default

    environment = Environment(undefined=jinja2.StrictUndefined)
    environment.filters |= _FILTERS
    try:
        template = environment.from_string(text)
        nodes = list(template.root_render_func(template.new_context({"env_var": env_var})))
        # A lone expression keeps its type; several parts, or none, are text.
        if len(nodes) == 1:
            return _read_literal(nodes[0])
        return "".join(str(node) for node in nodes)
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        if key in ("password", "pass"):
            return text
        raise ConfigurationError(f"{file}: cannot render `{key}`: {error}") from None


def _read_literal(value: Any) -> Any:
    """What a filter's mark asks for; a text that is no literal of that type is an error."""
    if not isinstance(value, _Literal):
        str(value)  # raises where it is undefined
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


_FILTERS = {
    "as_text": str,
    "as_bool": lambda value: _Literal(value, (bool,)),
    "as_number": lambda value: _Literal(value, (int, float)),
    "as_native": lambda value: _Literal(value, (object,)),
}
