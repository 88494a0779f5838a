"""Which alerts are held back because of others that explain them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, TypeVar

from alerts.rules.marts import MARTS
from alerts.runner.route import all_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.detectors import Labels
    from alerts.rules import Rule
    from alerts.rules.model import InhibitedBy

SOURCE = "source_table"


class Firing(Protocol):
    """An alert that fires, whoever knows of it."""

    @property
    def rule(self) -> str:
        """Name of the rule."""
        ...

    @property
    def labels(self) -> Labels:
        """Label names and values."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of rule and labels."""
        ...


Alert = TypeVar("Alert", bound=Firing)


def held_back(firing: Sequence[Alert], rules: Mapping[str, Rule]) -> dict[str, tuple[Alert, ...]]:
    """By fingerprint of each alert that is held back, the alerts that hold it back.

    What holds back may be held back itself: a table that is late explains the mismatch, and the
    mismatch the guardrail. But there must be one at the root that is told. Alerts that only hold
    back each other are all told, or nobody would hear of any.
    """
    by_rule: dict[str, list[Alert]] = defaultdict(list)
    for one in firing:
        by_rule[one.rule].append(one)
    direct = {one.fingerprint: _inhibitors(one, by_rule, rules) for one in firing}
    explained: set[str] = {name for name, others in direct.items() if not others}
    # Each round adds one at least, or is the last.
    for _ in range(len(direct)):
        more = {
            name
            for name, others in direct.items()
            if name not in explained and any(one.fingerprint in explained for one in others)
        }
        if not more:
            break
        explained |= more
    return {
        name: tuple(one for one in others if one.fingerprint in explained)
        for name, others in direct.items()
        if others and name in explained
    }


def _inhibitors(
    one: Alert, by_rule: Mapping[str, Sequence[Alert]], rules: Mapping[str, Rule]
) -> list[Alert]:
    rule = rules.get(one.rule)
    found: dict[str, Alert] = {}
    for link in rule.inhibited_by if rule is not None else ():
        for other in by_rule.get(link.rule, ()):
            if other.fingerprint != one.fingerprint and _applies(link, one, other, rules):
                found[other.fingerprint] = other
    return list(found.values())


def _applies(link: InhibitedBy, one: Firing, other: Firing, rules: Mapping[str, Rule]) -> bool:
    """Whether a line of `inhibited_by` connects two alerts."""
    if other.rule not in rules:
        return False
    rule, source = rules[one.rule], rules[other.rule]
    own, others = all_labels(rule, one.labels), all_labels(source, other.labels)
    if any(name not in own or own[name] != others.get(name) for name in link.on):
        return False
    # A late table says nothing of a mart that is not made of it.
    late = others.get(SOURCE) if source.kind == "freshness" else None
    return late is None or late in sources_of(rule)


def sources_of(rule: Rule) -> tuple[str, ...]:
    """The raw tables that a rule's mart is made of."""
    return tuple(getattr(MARTS[rule.mart], "sources", ()))
