"""`ab-test-guardrails.yaml`, read strictly: what holds for every experiment, and for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, ValidationError

from alerts.errors import ConfigurationError
from alerts.experiments.guardrails import Direction, read_margin
from alerts.experiments.horizon import MIN_DURATION_DAYS
from alerts.rules.strict_yaml import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

    from alerts.experiments.guardrails import Margin
    from alerts.rules.strict_yaml import Document, Place

DEFAULT_FILE = Path(__file__).parents[1] / "ab-test-guardrails.yaml"
MAX_ERRORS = 10

Name = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
Days = Annotated[float, Strict(), Field(ge=1, le=366, allow_inf_nan=False)]
Threshold = Annotated[str, Strict()] | Annotated[int, Strict()] | Annotated[float, Strict()]
_SHAPES = {"tuple_type": "a list", "model_type": "keys and values", "dict_type": "keys and values"}
_SHAPES["model_attributes_type"] = "keys and values"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1_000)


class GuardrailEntry(_Model):
    """A metric that must not suffer.

    Attributes:
        name: Of the metric.
        direction: Which way is better.
        threshold: How much worse is accepted: `+5%` of control, or `+0.01` in the metric's unit.
    """

    name: Name
    direction: Direction
    threshold: Threshold

    @property
    def margin(self) -> Margin:
        """The threshold, read."""
        return read_margin(self.threshold, self.direction)


class Settings(_Model):
    """What one block says; None where it says nothing.

    Attributes:
        srm_check: `chi_square`. The Bayes factor, which may be looked at daily, stands beside it
            always: a mismatch by either makes an experiment invalid.
        variance_reduction: `cuped`, or `none`: whether the adjusted estimate decides.
        min_duration_days: Before which success is not decided.
        guardrails: In the order of the file.
    """

    srm_check: Literal["chi_square"] | None = None
    variance_reduction: Literal["cuped", "none"] | None = None
    min_duration_days: Days | None = None
    guardrails: tuple[GuardrailEntry, ...] = ()


class GuardrailFile(_Model):
    """The whole file.

    Attributes:
        experiment_defaults: For every experiment.
        experiments: For single ones; what is not said there is as in the defaults. A guardrail
            takes the place of the default of the same name, or is one more.
    """

    experiment_defaults: Settings
    experiments: dict[str, Settings] = Field(default_factory=dict)

    def settings(self, experiment: str) -> Settings:
        """What holds for an experiment, every field but `guardrails` given."""
        own = self.experiments.get(experiment, Settings())
        defaults = self.experiment_defaults
        guardrails = {one.name: one for one in (*defaults.guardrails, *own.guardrails)}
        return Settings(
            srm_check=own.srm_check or defaults.srm_check or "chi_square",
            variance_reduction=own.variance_reduction or defaults.variance_reduction or "cuped",
            min_duration_days=own.min_duration_days
            or defaults.min_duration_days
            or MIN_DURATION_DAYS,
            guardrails=tuple(guardrails.values()),
        )


def load_guardrails(path: Path | None = None) -> GuardrailFile:
    """Read and check a file, the shipped one by default.

    Raises:
        ConfigurationError: With up to ten findings, each with its line.
    """
    document = read(path or DEFAULT_FILE)
    errors: list[tuple[int, str]] = []
    try:
        content = GuardrailFile.model_validate(document.content)
    except ValidationError as error:
        for details in _plainest(error.errors(include_url=False)):
            place, message = _explain(document, details)
            errors.append((document.line(place), message))
    else:
        errors = list(_senseless(document, content))
        if not errors:
            return content
    lines = [f"{document.path}:{line}: {message}" for line, message in sorted(errors)]
    more = [f"and {len(lines) - MAX_ERRORS} more"] if len(lines) > MAX_ERRORS else []
    raise ConfigurationError("\n".join(lines[:MAX_ERRORS] + more))


def _senseless(document: Document, content: GuardrailFile) -> Iterator[tuple[int, str]]:
    """What is typed but cannot be meant: thresholds that are none, names given twice."""
    blocks: list[tuple[Place, Settings]] = [(("experiment_defaults",), content.experiment_defaults)]
    blocks += [(("experiments", key), block) for key, block in content.experiments.items()]
    for place, block in blocks:
        seen: set[str] = set()
        for index, entry in enumerate(block.guardrails):
            inner: Place = (*place, "guardrails", index)
            if entry.name in seen:
                yield document.line(inner), f"a second guardrail named {entry.name!r}"
            seen.add(entry.name)
            try:
                _ = entry.margin
            except ValueError as error:
                yield document.line((*inner, "threshold")), f"{entry.name}: {error}"


def _plainest(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One finding per place: of a union pydantic reports every branch."""
    found: dict[tuple[int | str, ...], ErrorDetails] = {}
    for details in errors:
        loc = details["loc"]
        at = loc.index("threshold") + 1 if "threshold" in loc else len(loc)
        found.setdefault(loc[:at], details)
    return [{**details, "loc": loc} for loc, details in found.items()]


def _explain(document: Document, details: ErrorDetails) -> tuple[Place, str]:
    """Where a finding stands in the file, and what to do about it."""
    loc, kind = details["loc"], details["type"]
    leaf = loc[-1] if loc else "the file"
    place = tuple(_walk(document.content, loc))
    if kind == "extra_forbidden":
        known = _known(loc)
        message = f"unknown field {leaf!r}: one of {', '.join(known)}"
    elif kind == "missing":
        message = f"the field {leaf!r} is missing"
    elif leaf == "threshold":
        message = "'threshold' takes text such as \"+5%\", or a number"
    elif kind in _SHAPES:
        message = f"{leaf!r} takes {_SHAPES[kind]}" if loc else "a guardrail file has keys"
    elif kind == "string_pattern_mismatch":
        message = f"{leaf!r}: {details['input']!r} is no name of a metric"
    else:
        message = f"{leaf!r}: {details['msg'][:1].lower()}{details['msg'][1:]}"
    return place, message


def _known(loc: tuple[int | str, ...]) -> list[str]:
    """The fields of the block in which a place lies."""
    if len(loc) == 1:
        return list(GuardrailFile.model_fields)
    return list((GuardrailEntry if "guardrails" in loc else Settings).model_fields)


def _walk(content: Any, loc: tuple[int | str, ...]) -> Iterator[int | str]:
    """The part of a place that exists in the file."""
    for step in loc:
        listed = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if not (listed or (isinstance(content, dict) and step in content)):
            return
        content = content[step]
        yield step
