"""From the receivers of the rule file to receivers that send, with their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError
from alerts.notify import ConsoleReceiver
from alerts.notify.attempts import Pace, Patience
from alerts.rules.destinations import Console, File, PagerDuty, Pushgateway, Slack, Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alerts.notify import Receiver
    from alerts.notify.pushgateway import PushgatewayReceiver
    from alerts.notify.status import Watcher
    from alerts.rules import RuleSet
    from alerts.rules.model import ReceiverConfig

SLACK_BASE_URL = "RECWATCH_SLACK_BASE_URL"
PAGERDUTY_BASE_URL = "RECWATCH_PAGERDUTY_BASE_URL"
_URL = re.compile(r"https?://[!-~]+")
_TOKEN = re.compile(r"[!-~]+")
_CONSOLE = "console"


@dataclass(frozen=True)
class Outlets:
    """Where messages can go.

    Attributes:
        receivers: By name.
        types: What each really is: `console` where its secret is missing.
        warnings: What the user should know.
        fallbacks: Which receiver takes what another cannot deliver, by the other's name.
        watchers: Those that are told of every run, by name.
    """

    receivers: Mapping[str, Receiver]
    types: Mapping[str, str]
    warnings: tuple[str, ...]
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    watchers: Mapping[str, Watcher] = field(default_factory=dict)


def open_receivers(
    rules: RuleSet,
    environ: Mapping[str, str],
    echo: Callable[[str], None],
    *,
    strict: bool = False,
    also: Sequence[str] = (),
) -> Outlets:
    """Every receiver that a rule, a route or a fallback names, and every Pushgateway.

    `also` names more, such as those that earlier messages still wait for; where the rule files
    no longer know one, it is left out. One whose secret is not set writes to the console, with a
    warning; where `strict`, that is a `ConfigurationError`.
    """
    workshop = _Workshop(environ, ConsoleReceiver(echo))
    receivers: dict[str, Receiver] = {}
    types: dict[str, str] = {}
    fallbacks: dict[str, str] = {}
    watchers: dict[str, Watcher] = {}
    unset: dict[str, list[str]] = {}
    for name in _needed(rules, also):
        config = rules.receivers[name]
        variable = _variable(config)
        receivers[name], types[name] = workshop.console, _CONSOLE
        if variable and not workshop.secret(variable):
            unset.setdefault(variable, []).append(name)
        elif isinstance(config, Pushgateway):
            receivers[name] = watchers[name] = workshop.pushgateway(config)
            types[name] = config.type
        elif not isinstance(config, Console):
            receivers[name], types[name] = workshop.open(config), config.type
        if config.fallback is not None:
            fallbacks[name] = config.fallback
    warnings = [
        _unset(variable, [rules.receivers[name] for name in names], strict=strict)
        for variable, names in unset.items()
    ]
    if strict and warnings:
        raise ConfigurationError("\n".join(warnings))
    return Outlets(receivers, types, tuple(warnings), fallbacks, watchers)


def _needed(rules: RuleSet, also: Sequence[str]) -> list[str]:
    """The names in the order they are met; each fallback after what it stands in for."""
    named = [name for rule in rules.rules for name in rule.receivers]
    if not all(rule.receivers for rule in rules.rules):
        named += [name for route in rules.routes for name in route.receivers]
        named.append(_CONSOLE)
    named += [name for name in also if name in rules.receivers]
    watching = [name for name, config in rules.receivers.items() if isinstance(config, Pushgateway)]
    needed: dict[str, None] = {}
    for first in [*named, *watching]:
        name: str | None = first
        # Ends: a name that is there already ends it, and the rule file has few.
        while name is not None and name not in needed:
            needed[name] = None
            name = rules.receivers[name].fallback
    return list(needed)


def _variable(config: ReceiverConfig) -> str:
    """The environment variable a receiver cannot do without; empty where there is none."""
    match config:
        case Slack():
            return config.webhook_env or config.token_env or ""
        case PagerDuty():
            return config.routing_key_env
        case Pushgateway() | Webhook():
            return config.url_env
        case _:
            return ""


class _Workshop:
    """Makes receivers of one run. Modules that take long to import are, where one is needed."""

    def __init__(self, environ: Mapping[str, str], console: Receiver) -> None:
        self.console = console
        self._environ = environ
        self._paces: dict[tuple[str, str], Pace] = {}

    def secret(self, variable: str) -> str:
        return self._environ.get(variable, "").strip()

    def open(self, config: Slack | PagerDuty | File | Webhook) -> Receiver:
        match config:
            case Slack():
                return self._slack(config)
            case PagerDuty():
                return self._pagerduty(config)
            case File():
                return self._file(config)
            case Webhook():
                return self._webhook(config)

    def pushgateway(self, config: Pushgateway) -> PushgatewayReceiver:
        from alerts.notify.pushgateway import PushgatewayReceiver  # noqa: PLC0415

        return PushgatewayReceiver(self._address(config), Patience())

    def _slack(self, config: Slack) -> Receiver:
        from alerts.notify import slack  # noqa: PLC0415

        patience = slack.Patience()
        variable = _variable(config)
        pace = self._pace(patience, variable, config.channel)
        if config.webhook_env is not None:
            url = self._required(variable, _URL, "an http(s) address")
            return slack.SlackReceiver(slack.WebhookTransport(url, patience), patience, pace=pace)
        token = self._required(variable, _TOKEN, "a token without spaces")
        base_url = self._base_url(SLACK_BASE_URL)
        transport = slack.TokenTransport(token, config.channel, patience, base_url)
        return slack.SlackReceiver(transport, patience, pace=pace)

    def _pagerduty(self, config: PagerDuty) -> Receiver:
        from alerts.notify.pagerduty import PagerDutyReceiver  # noqa: PLC0415

        key = self._required(config.routing_key_env, _TOKEN, "a routing key without spaces")
        return PagerDutyReceiver(key, Patience(), base_url=self._base_url(PAGERDUTY_BASE_URL))

    def _file(self, config: File) -> Receiver:
        from alerts.notify.file import FileReceiver  # noqa: PLC0415

        return FileReceiver(Path(config.path))

    def _webhook(self, config: Webhook) -> Receiver:
        from alerts.notify.webhook import WebhookReceiver  # noqa: PLC0415

        return WebhookReceiver(self._address(config), Patience())

    def _pace(self, patience: Patience, variable: str, channel: str) -> Pace:
        """One pace for one channel, by however many names it is reached."""
        place = (self.secret(variable), channel.lstrip("#"))
        return self._paces.setdefault(place, Pace(patience.pace))

    def _address(self, config: Pushgateway | Webhook) -> str:
        return self._required(config.url_env, _URL, "an http(s) address")

    def _base_url(self, variable: str) -> str | None:
        """An address in the place of the service's own, where one is set."""
        if not self.secret(variable):
            return None
        return self._required(variable, _URL, "an http(s) address")

    def _required(self, variable: str, pattern: re.Pattern[str], wanted: str) -> str:
        """The value of a variable, which an error must not repeat."""
        value = self.secret(variable)
        if pattern.fullmatch(value) is None:
            raise ConfigurationError(f"{variable} does not hold {wanted}")
        return value


def _unset(variable: str, configs: Sequence[ReceiverConfig], *, strict: bool) -> str:
    """A line for a variable, whatever the number of receivers that need it."""
    one = len(configs) == 1
    names = ", ".join(config.name for config in configs)
    who = f"receiver{'' if one else 's'} {names}: {variable} is not set"
    if strict:
        return f"{who}: set it, or leave --strict out"
    if all(isinstance(config, Pushgateway) for config in configs):
        return f"{who}, so nothing is pushed"
    return f"{who}, so {'it writes' if one else 'they write'} to the console"
