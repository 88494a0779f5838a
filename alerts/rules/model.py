"""The rule file as types: every field, nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from alerts.rules.experiment_marts import MOMENTS_MART, SRM_MART
from alerts.rules.expressions import Condition, format_duration, parse_duration

Severity = Literal["info", "warn", "page"]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]


def _condition(value: Any) -> Condition:
    return value if isinstance(value, Condition) else Condition.parse(_text(value))


def _duration(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise PydanticCustomError("string_type", "takes text")


When = Annotated[
    Condition,
    BeforeValidator(_condition),
    WithJsonSchema({"type": "string", "examples": ["< 0.04", "< surfaces.min_ctr"]}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]*[mhdw]$"}),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


class MinDenominator(_Strict):
    """Below this sum of a column a bucket is too small to be judged."""

    column: Identifier
    value: Number


class _Rule(_Strict):
    name: Name
    description: str = ""
    mart: str
    metric: Identifier
    by: tuple[Identifier, ...] = ()
    where: dict[Identifier, str] = Field(default_factory=dict)
    when: When
    min_denominator: MinDenominator | None = None
    severity: Severity = "warn"
    receiver: Name = "console"
    playbook: str = ""

    @property
    def hold(self) -> timedelta | None:
        """How long a breach must last before it fires; None for a single bucket."""
        return None


class _Held(_Rule):
    """A rule whose breach may have to last."""

    for_: Duration | None = Field(default=None, alias="for")

    @property
    def hold(self) -> timedelta | None:
        """`for` as written."""
        return self.for_


class Threshold(_Held):
    """A metric against a fixed bound, over consecutive buckets."""

    kind: Literal["threshold"] = "threshold"


class WeekOverWeek(_Held):
    """The change of a metric against the same bucket seven days before."""

    kind: Literal["week_over_week"]


class Drop(_Held):
    """The relative fall of a metric against the time right before."""

    kind: Literal["drop"]
    baseline: Duration = timedelta(days=7)
    min_baseline: Annotated[int, Strict(), Field(ge=1)] | None = None


class Streak(_Rule):
    """The longest run of requests with a count of 0, days joined at midnight."""

    kind: Literal["streak"]


class ExperimentDelta(_Held):
    """A metric in each treatment arm against the control arm, in the same bucket.

    With `confidence` a difference that chance explains is no breach; `design_effect` says how much
    more the metric scatters than events that do not depend on each other.
    """

    kind: Literal["experiment_delta"]
    by: tuple[Identifier, ...] = ("experiment_key", "variation")
    confidence: Annotated[float, Strict(), Field(gt=0.5, lt=1)] | None = None
    design_effect: Annotated[float, Strict(), Field(ge=1, allow_inf_nan=False)] = 1.75


class Srm(_Rule):
    """The users by arm against the weights in force when they were assigned."""

    kind: Literal["srm"]
    mart: str = SRM_MART
    metric: Identifier = "srm_p_value"
    by: tuple[Identifier, ...] = ("experiment_key",)
    when: When = Condition("<", 0.001)
    counts: Literal["assigned", "exposed"] = "assigned"


class ExperimentGuardrail(_Rule):
    """Every guardrail of every experiment, in each treatment arm against the control arm."""

    kind: Literal["guardrail"]
    mart: str = MOMENTS_MART
    metric: Identifier = "excess"
    by: tuple[Identifier, ...] = ("experiment_key", "guardrail", "variation")
    when: When = Condition(">", 0.0)


class Console(_Strict):
    """Messages on the terminal."""

    name: Name
    type: Literal["console"]


class Slack(_Strict):
    """Messages to Slack: with a bot token to a channel, or through an incoming webhook."""

    name: Name
    type: Literal["slack"]
    channel: str = ""
    token_env: EnvName | None = None
    webhook_env: EnvName | None = None


def _tag(field: str, default: str) -> Discriminator:
    def pick(value: Any) -> str | None:
        if isinstance(value, dict):
            chosen = value.get(field, default)
            return chosen if isinstance(chosen, str) else None
        found = getattr(value, field, None)
        return found if isinstance(found, str) else None

    return Discriminator(pick)


# A new kind or receiver is added to its union and to the table of tags.
Rule = Annotated[
    Annotated[Threshold, Tag("threshold")]
    | Annotated[WeekOverWeek, Tag("week_over_week")]
    | Annotated[Drop, Tag("drop")]
    | Annotated[Streak, Tag("streak")]
    | Annotated[ExperimentDelta, Tag("experiment_delta")]
    | Annotated[Srm, Tag("srm")]
    | Annotated[ExperimentGuardrail, Tag("guardrail")],
    _tag("kind", "threshold"),
]
ReceiverConfig = Annotated[
    Annotated[Console, Tag("console")] | Annotated[Slack, Tag("slack")],
    _tag("type", ""),
]
KINDS: dict[str, type[BaseModel]] = {
    "threshold": Threshold,
    "week_over_week": WeekOverWeek,
    "drop": Drop,
    "streak": Streak,
    "experiment_delta": ExperimentDelta,
    "srm": Srm,
    "guardrail": ExperimentGuardrail,
}
RECEIVERS: dict[str, type[BaseModel]] = {"console": Console, "slack": Slack}


class RuleFile(_Strict):
    """One file: its version, receivers and rules."""

    version: Literal[1]
    receivers: tuple[ReceiverConfig, ...] = ()
    rules: tuple[Rule, ...] = ()
