"""To whom an alert goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.detectors import Labels
    from alerts.rules import Rule, RuleSet
    from alerts.rules.model import Route, Severity

CONSOLE = "console"


def receivers_of(rule: Rule, labels: Labels, routes: Sequence[Route]) -> tuple[str, ...]:
    """The receivers the rule names, else those of the first route that matches, else console.

    A route matches by the rule's severity and by labels, those that `where` fixes included.
    """
    if rule.receivers:
        return tuple(dict.fromkeys(rule.receivers))
    known = all_labels(rule, labels)
    for route in routes:
        if route.severity in {None, rule.severity} and _agree(route.match, known):
            return tuple(dict.fromkeys(route.receivers))
    return (CONSOLE,)


def receivers_without_rule(severity: Severity, labels: Labels, rules: RuleSet) -> tuple[str, ...]:
    """Where something goes that is of no rule, such as marts that cannot be read.

    By the routes; where none matches, to everyone who gets alerts of that severity, for nobody
    would learn from a console that what wakes people is blind.
    """
    for route in rules.routes:
        if route.severity in {None, severity} and _agree(route.match, dict(labels)):
            return tuple(dict.fromkeys(route.receivers))
    named = [name for rule in rules.rules if rule.severity == severity for name in rule.receivers]
    return tuple(dict.fromkeys(named)) or (CONSOLE,)


def all_labels(rule: Rule, labels: Labels) -> dict[str, str]:
    """The labels of an alert, with those that are the same for all of its rule."""
    return {**rule.where, **dict(labels)}


def _agree(wanted: Mapping[str, str], known: Mapping[str, str]) -> bool:
    return all(known.get(name) == value for name, value in wanted.items())
