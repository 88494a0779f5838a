"""From results to messages: what to send, to whom, in which words."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.detectors.sentences import number, shown
from alerts.notify.message import SEVERITIES, Alert, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alerts.rules import Rule, RuleSet
    from alerts.runner.evaluate import Evaluation, Result

__all__ = ["GROUP_ABOVE", "Outgoing", "decide", "shown", "title"]

# More alerts than this in one run become one message per receiver.
GROUP_ABOVE = 10


@dataclass(frozen=True)
class Outgoing:
    """A message and the receiver it is for."""

    receiver: str
    message: Message


def decide(evaluation: Evaluation, rules: RuleSet, flags: Sequence[str] = ()) -> list[Outgoing]:
    """Everything that fires, the gravest first: an alert each, or grouped when there are many.

    `flags` are those of the run (`--target`, `--rules` …), repeated in the command that
    reproduces an alert.
    """
    by_name = {rule.name: rule for rule in rules.rules}
    firing = sorted(evaluation.firing, key=_gravest_first)
    alerts = [(by_name[one.rule].receiver, _alert(one, by_name[one.rule], flags)) for one in firing]
    if len(alerts) <= GROUP_ABOVE:
        return [Outgoing(receiver, _single(alert)) for receiver, alert in alerts]
    grouped: dict[str, list[Alert]] = {}
    for receiver, alert in alerts:
        grouped.setdefault(receiver, []).append(alert)
    again = _command([], evaluation.as_of, flags)
    return [Outgoing(receiver, _group(many, again)) for receiver, many in grouped.items()]


def title(rule: str, labels: Sequence[tuple[str, str]]) -> str:
    """`ctr-floor {surface=home}`."""
    inside = ", ".join(f"{name}={value}" for name, value in labels)
    return f"{rule} {{{inside}}}" if inside else rule


def _alert(result: Result, rule: Rule, flags: Sequence[str]) -> Alert:
    return Alert(
        title=title(result.rule, result.labels),
        severity=rule.severity,
        summary=result.reason,
        fingerprint=result.fingerprint,
        facts=tuple(_facts(result, rule).items()),
        description=rule.description,
        playbook=rule.playbook,
        command=_command(["--rule", result.rule], result.until, flags),
    )


def _facts(result: Result, rule: Rule) -> Mapping[str, str]:
    facts = {"severity": rule.severity, "rule": result.rule}
    facts |= dict(result.labels)
    if result.value is not None:
        facts["value"] = number(result.value, result.unit)
    if result.compared and result.current is not None and result.baseline is not None:
        facts["now"] = number(result.current, result.compared)
        facts[result.beside] = number(result.baseline, result.compared)
    facts["threshold"] = f"{rule.when.operator} {number(result.threshold, result.unit)}"
    facts["since"] = shown(result.since)
    facts["bucket"] = shown(result.bucket)
    if result.denominator is not None and result.over:
        facts[result.over] = number(result.denominator, "count")
    return facts


def _single(alert: Alert) -> Message:
    return Message(f"{alert.severity.upper()}: {alert.title}", alert.severity, (alert,))


def _group(alerts: Sequence[Alert], command: str) -> Message:
    gravest = max((alert.severity for alert in alerts), key=SEVERITIES.index)
    headline = f"{gravest.upper()}: {len(alerts)} alerts fire"
    return Message(headline, gravest, tuple(alerts), command)


def _command(chosen: Sequence[str], as_of: date | None, flags: Sequence[str]) -> str:
    """The command that shows the same again, and sends nothing."""
    when = ["--as-of", shown(as_of)] if as_of is not None else []
    return shlex.join(["recwatch", "check", *chosen, *when, *flags, "--dry-run"])


def _gravest_first(result: Result) -> tuple[int, str, Sequence[tuple[str, str]]]:
    return -SEVERITIES.index(result.severity), result.rule, result.labels
