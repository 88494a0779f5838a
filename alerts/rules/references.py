"""Whether all that rules, routes and receivers name is there, over all files together."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from alerts.rules.destinations import Route
    from alerts.rules.model import InhibitedBy, ReceiverConfig, Rule

Finding = tuple[tuple[str | int, ...], str]


def suggest(word: str, known: Collection[str]) -> str:
    """` (did you mean 'ctr'?)`, or the list of what is known."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(sorted(known))}"


def check_rule_names(
    rule: Rule, rules: Mapping[str, Rule], receivers: Collection[str]
) -> Iterator[Finding]:
    """The receivers and the other rules that a rule names."""
    for name in rule.receivers:
        if name not in receivers:
            yield ("receiver",), f"no receiver {name!r}: {suggest(name, receivers)}"
    for name in rule.playbook_when:
        if name not in rules:
            yield ("playbook_when", name), f"no rule {name!r}: {suggest(name, rules)}"
        elif name == rule.name:
            yield ("playbook_when", name), "a playbook does not depend on its own rule"
    for place, one in enumerate(rule.inhibited_by):
        for inner, message in _inhibited(rule, one, rules):
            yield ("inhibited_by", place, *inner), message


def _inhibited(rule: Rule, one: InhibitedBy, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    if one.rule not in rules:
        yield ("rule",), f"no rule {one.rule!r}: {suggest(one.rule, rules)}"
        return
    if one.rule == rule.name:
        yield ("rule",), "a rule cannot inhibit itself"
    for label in one.on:
        for side in (rule, rules[one.rule]):
            if label not in side.by and label not in side.where:
                yield ("on",), f"rule {side.name!r} has no label {label!r} in by or where"


def check_route(route: Route, receivers: Collection[str]) -> Iterator[Finding]:
    """The receivers of a route."""
    for name in route.receivers:
        if name not in receivers:
            yield ("receiver",), f"no receiver {name!r}: {suggest(name, receivers)}"


def check_fallback(
    config: ReceiverConfig, receivers: Mapping[str, ReceiverConfig]
) -> Iterator[Finding]:
    """That what cannot be delivered ends somewhere: a fallback exists and none leads back."""
    name = config.fallback
    if name is None:
        return
    if name not in receivers:
        yield ("fallback",), f"no receiver {name!r}: {suggest(name, receivers)}"
        return
    chain = _chain(config, receivers)
    if chain[-1] == config.name:
        yield ("fallback",), f"the fallbacks go round: {' → '.join(chain)}"


def _chain(config: ReceiverConfig, receivers: Mapping[str, ReceiverConfig]) -> Sequence[str]:
    """The names from a receiver on, until there is no fallback or one comes a second time."""
    chain = [config.name]
    following = config.fallback
    while following is not None:
        chain.append(following)
        if following in chain[:-1] or following not in receivers:
            break
        following = receivers[following].fallback
    return chain
