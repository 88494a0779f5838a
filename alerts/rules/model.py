"""The rule file as types: every field, nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from alerts.rules.destinations import (
    RECEIVERS,
    Console,
    File,
    PagerDuty,
    Pushgateway,
    Route,
    Slack,
    Webhook,
)
from alerts.rules.experiment_marts import MOMENTS_MART, SRM_MART
from alerts.rules.expressions import Condition
from alerts.rules.fields import (
    AtLeastOne,
    Confidence,
    Count,
    DesignEffect,
    Duration,
    EnvName,
    Identifier,
    Name,
    Names,
    Number,
    Severity,
    Situation,
    Strictly,
    When,
)

__all__ = [
    "KINDS",
    "RECEIVERS",
    "Console",
    "Drop",
    "EnvName",
    "ExperimentDelta",
    "ExperimentGuardrail",
    "File",
    "Freshness",
    "Identifier",
    "InhibitedBy",
    "MinDenominator",
    "Name",
    "Number",
    "PagerDuty",
    "Pushgateway",
    "Quarantine",
    "ReceiverConfig",
    "Route",
    "Rule",
    "RuleFile",
    "Severity",
    "Situation",
    "Slack",
    "Srm",
    "Streak",
    "Threshold",
    "Webhook",
    "WeekOverWeek",
    "ZScore",
]

DATA_QUALITY = "analytics.data_quality_daily"


class MinDenominator(Strictly):
    """Below this sum of a column a bucket is too small to be judged."""

    column: Identifier
    value: Number


class InhibitedBy(Strictly):
    """While another rule fires, nothing is sent of this one.

    `on` names the labels that both must have alike; without any, each alert of the other counts.
    A `freshness` alert of a raw table counts for the rules on marts that are made of it, and no
    others: `Mart.sources` says of which.
    """

    rule: Name
    on: tuple[Identifier, ...] = ()


class _Rule(Strictly):
    name: Name
    description: str = ""
    mart: str
    metric: Identifier
    by: tuple[Identifier, ...] = ()
    where: dict[Identifier, str] = Field(default_factory=dict)
    when: When
    min_denominator: MinDenominator | None = None
    keep_firing_for: Duration | None = None
    no_data_after: Count = 3
    repeat_interval: Duration | None = None
    max_false_per_30d: Annotated[Number, Field(ge=0)] = 1.0
    severity: Severity = "warn"
    # Empty: the routes say where.
    receivers: Names = Field(default=(), alias="receiver")
    inhibited_by: tuple[InhibitedBy, ...] = ()
    playbook: str = ""
    # The playbook holds where every one of these rules is so, else `playbook_otherwise`.
    playbook_when: dict[Name, Situation] = Field(default_factory=dict)
    playbook_otherwise: str = ""

    @property
    def receiver(self) -> str:
        """The first receiver."""
        return self.receivers[0] if self.receivers else "console"

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
    """A metric against a fixed bound, over consecutive buckets.

    With `confidence` a share breaches where its whole interval lies beyond the bound, not where
    the share itself does. `design_effect` says how many times its variance is that of independent
    events; None takes it from the series' own past.
    """

    kind: Literal["threshold"] = "threshold"
    confidence: Confidence | None = None
    design_effect: DesignEffect = None


class WeekOverWeek(_Held):
    """The change of a metric against the same bucket seven days before."""

    kind: Literal["week_over_week"]


class Drop(_Held):
    """The relative fall of a metric against the time right before."""

    kind: Literal["drop"]
    baseline: Duration = timedelta(days=7)
    min_baseline: Count | None = None


class ZScore(_Held):
    """A day against the days before it, in standard deviations, on either side.

    `for` days in a row must lie beyond the bound on the same side.
    """

    kind: Literal["zscore"]
    when: When = Condition(">", 2.0)
    for_: Duration | None = Field(default=timedelta(days=2), alias="for")
    baseline: Duration = timedelta(days=28)
    min_baseline: Annotated[Count, Field(ge=2)] | None = None
    design_effect: DesignEffect = None


class Freshness(_Rule):
    """How long there has been nothing new.

    On `analytics.data_quality_daily` that is the age of the newest load of each raw table, by the
    clock; on any other mart how long its newest row is past, in data time, at every bucket.
    """

    kind: Literal["freshness"]
    metric: Identifier = "age"
    # Raw tables, of which those that never had a row are left out; all that have, without any.
    sources: tuple[Identifier, ...] = ()


class Quarantine(_Held):
    """The share of a raw table's rows that were refused, by the day they were loaded."""

    kind: Literal["quarantine"]
    mart: str = DATA_QUALITY
    metric: Identifier = "refused_share"
    by: tuple[Identifier, ...] = ("source_table",)


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
    confidence: Confidence | None = None
    design_effect: AtLeastOne = 1.75


class _Stopping(_Rule):
    """A rule that may stop the experiment it finds at fault.

    With `action: pause` and without `dry_run` the experiment's status becomes `paused`, once, on
    fresh data; `webhook_env` names the variable with the address of a flag service to be told.
    """

    action: Literal["pause"] | None = None
    dry_run: Annotated[bool, Field(strict=True)] = True
    webhook_env: EnvName | None = None


class Srm(_Stopping):
    """The users by arm against the weights in force when they were assigned."""

    kind: Literal["srm"]
    mart: str = SRM_MART
    metric: Identifier = "srm_p_value"
    by: tuple[Identifier, ...] = ("experiment_key",)
    when: When = Condition("<", 0.001)
    counts: Literal["assigned", "exposed"] = "assigned"


class ExperimentGuardrail(_Stopping):
    """Every guardrail of every experiment, in each treatment arm against the control arm."""

    kind: Literal["guardrail"]
    mart: str = MOMENTS_MART
    metric: Identifier = "excess"
    by: tuple[Identifier, ...] = ("experiment_key", "guardrail", "variation")
    when: When = Condition(">", 0.0)


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
    | Annotated[ExperimentGuardrail, Tag("guardrail")]
    | Annotated[ZScore, Tag("zscore")]
    | Annotated[Freshness, Tag("freshness")]
    | Annotated[Quarantine, Tag("quarantine")],
    _tag("kind", "threshold"),
]
ReceiverConfig = Annotated[
    Annotated[Console, Tag("console")]
    | Annotated[Slack, Tag("slack")]
    | Annotated[PagerDuty, Tag("pagerduty")]
    | Annotated[Pushgateway, Tag("pushgateway")]
    | Annotated[File, Tag("file")]
    | Annotated[Webhook, Tag("webhook")],
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
    "zscore": ZScore,
    "freshness": Freshness,
    "quarantine": Quarantine,
}


class RuleFile(Strictly):
    """One file: its version, receivers, routes and rules."""

    version: Literal[1]
    receivers: tuple[ReceiverConfig, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
