"""From the receivers of the rule file to receivers that send, with their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError
from alerts.notify import ConsoleReceiver
from alerts.rules.model import Console, Slack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alerts.notify import Receiver
    from alerts.rules import RuleSet
    from alerts.rules.model import ReceiverConfig

BASE_URL = "RECWATCH_SLACK_BASE_URL"
_URL = re.compile(r"https?://[!-~]+")
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Outlets:
    """The receivers by name, what stands in for which, and what the user should know."""

    receivers: Mapping[str, Receiver]
    types: Mapping[str, str]
    warnings: tuple[str, ...]


def open_receivers(
    rules: RuleSet,
    environ: Mapping[str, str],
    echo: Callable[[str], None],
    *,
    strict: bool = False,
) -> Outlets:
    """Every receiver that a rule names.

    One whose secret is not set writes to the console, with a warning; where `strict`, that is a
    `ConfigurationError`.
    """
    console = ConsoleReceiver(echo)
    receivers: dict[str, Receiver] = {}
    types: dict[str, str] = {}
    unset: dict[str, list[str]] = {}
    for name in dict.fromkeys(rule.receiver for rule in rules.rules):
        config = rules.receivers[name]
        receiver = _open(config, environ)
        if receiver is None and not isinstance(config, Console):
            unset.setdefault(_variable(config), []).append(name)
        receivers[name] = receiver or console
        types[name] = config.type if receiver else "console"
    warnings = [_unset(variable, names, strict=strict) for variable, names in unset.items()]
    if strict and warnings:
        raise ConfigurationError("\n".join(warnings))
    return Outlets(receivers, types, tuple(warnings))


def _open(config: ReceiverConfig, environ: Mapping[str, str]) -> Receiver | None:
    """The receiver, or None where it is the console or its secret is missing."""
    match config:
        case Console():
            return None
        case Slack():
            return _slack(config, environ)


def _slack(config: Slack, environ: Mapping[str, str]) -> Receiver | None:
    variable = _variable(config)
    secret = environ.get(variable, "").strip()
    if not secret:
        return None
    # slack-sdk takes its time to import: only those who send pay for it.
    from alerts.notify.slack import (  # noqa: PLC0415
        Patience,
        SlackReceiver,
        TokenTransport,
        WebhookTransport,
    )

    patience = Patience()
    if config.webhook_env is not None:
        _require(_URL, secret, variable, "an http(s) address")
        return SlackReceiver(WebhookTransport(secret, patience), patience)
    _require(_TOKEN, secret, variable, "a token without spaces")
    base_url = environ.get(BASE_URL, "").strip()
    if base_url:
        _require(_URL, base_url, BASE_URL, "an http(s) address")
    transport = TokenTransport(secret, config.channel, patience, base_url or None)
    return SlackReceiver(transport, patience)


def _variable(config: Slack) -> str:
    return config.webhook_env or config.token_env or ""


def _require(pattern: re.Pattern[str], value: str, variable: str, wanted: str) -> None:
    if pattern.fullmatch(value) is None:
        raise ConfigurationError(f"{variable} does not hold {wanted}")


def _unset(variable: str, names: Sequence[str], *, strict: bool) -> str:
    """A line for a variable, whatever the number of receivers that need it."""
    one = len(names) == 1
    who = f"receiver{'' if one else 's'} {', '.join(names)}: {variable} is not set"
    if strict:
        return f"{who}: set it, or leave --strict out"
    return f"{who}, so {'it writes' if one else 'they write'} to the console"
