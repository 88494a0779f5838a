"""Where messages may go: every kind of receiver, and which alerts go to which."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from alerts.rules.fields import EnvName, Identifier, Name, Names, Severity, Strictly


class _Receiver(Strictly):
    name: Name
    # Takes what cannot be delivered here.
    fallback: Name | None = None


class Console(_Receiver):
    """Messages on the terminal."""

    type: Literal["console"]


class Slack(_Receiver):
    """Messages to Slack: with a bot token to a channel, or through an incoming webhook."""

    type: Literal["slack"]
    channel: str = ""
    token_env: EnvName | None = None
    webhook_env: EnvName | None = None


class PagerDuty(_Receiver):
    """Incidents by the Events API v2; the variable holds the routing key of the integration."""

    type: Literal["pagerduty"]
    routing_key_env: EnvName = "PAGERDUTY_ROUTING_KEY"


class Pushgateway(_Receiver):
    """Gauges for Prometheus; the variable holds the gateway's address."""

    type: Literal["pushgateway"]
    url_env: EnvName = "PUSHGATEWAY_URL"


class File(_Receiver):
    """One JSON line for each message, appended to a file."""

    type: Literal["file"]
    path: Annotated[str, StringConstraints(min_length=1)]


class Webhook(_Receiver):
    """Messages as JSON by POST; the variable holds the address."""

    type: Literal["webhook"]
    url_env: EnvName


class Route(Strictly):
    """Where alerts go whose rule names no receiver; the first route that matches counts.

    Without `severity` it takes each, without `match` every label set.
    """

    severity: Severity | None = None
    match: dict[Identifier, str] = Field(default_factory=dict)
    receivers: Names = Field(alias="receiver", min_length=1)


RECEIVERS: dict[str, type[BaseModel]] = {
    "console": Console,
    "slack": Slack,
    "pagerduty": PagerDuty,
    "pushgateway": Pushgateway,
    "file": File,
    "webhook": Webhook,
}
