"""Which alerts are held back: because of others that explain them, or by a silence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from alerts.detectors.sentences import shown
from alerts.rules.marts import MARTS
from alerts.runner.route import all_labels
from alerts.runner.tell import title
from alerts.state.silence import silenced

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from alerts.detectors import Labels
    from alerts.rules import Rule
    from alerts.rules.model import InhibitedBy
    from alerts.runner.evaluate import Result
    from alerts.state.silence import Silence

SOURCE = "source_table"
FIRING = frozenset({"firing", "recovering"})
UNKNOWN = frozenset({"no_data", "invalid", "error"})


class Held(Protocol):
    """An alert that is or may be held back, whoever knows of it."""

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


Alert = TypeVar("Alert", bound=Held)


@dataclass(frozen=True)
class Suppressed:
    """What is not to be told, by fingerprint.

    Attributes:
        silenced: The silence.
        inhibited: The alerts that explain it.
    """

    silenced: Mapping[str, Silence]
    inhibited: Mapping[str, tuple[Result, ...]]

    @property
    def reasons(self) -> dict[str, str]:
        """Why, in words."""
        texts = {name: f"silenced {said(one)}" for name, one in self.silenced.items()}
        for name, others in self.inhibited.items():
            named = " and ".join(title(one.rule, one.labels) for one in others)
            texts.setdefault(name, f"held back by {named}")
        return texts

    def held(self, results: Iterable[Result]) -> dict[str, tuple[Result, ...]]:
        """By fingerprint of each alert that holds others back, which these are."""
        found: dict[str, list[Result]] = defaultdict(list)
        for result in results:
            for other in self.inhibited.get(result.fingerprint, ()):
                found[other.fingerprint].append(result)
        return {name: tuple(others) for name, others in found.items()}


def suppressed(
    results: Sequence[Result],
    rules: Mapping[str, Rule],
    silences: Sequence[Silence] = (),
    now: datetime | None = None,
    lasting: Collection[str] = (),
) -> Suppressed:
    """What is not to be told of these results.

    Args:
        results: Of this run.
        rules: By name.
        silences: All there are.
        now: The moment by the clock at which silences count; none counts without it.
        lasting: Fingerprints of alerts that fire by what is remembered, though the newest bucket
            cannot be judged: they hold back as others do.
    """
    fires = {one.fingerprint for one in results if one.state in FIRING} | {*lasting}
    firing = [one for one in results if one.fingerprint in fires]
    unknown = [one for one in results if one.state in UNKNOWN and one.fingerprint not in fires]
    quiet: dict[str, Silence] = {}
    if now is not None:
        active = [one for one in silences if one.active(now)]
        for result in results if active else ():
            silence = silenced(active, result.rule, result.labels, now)
            if silence is not None:
                quiet[result.fingerprint] = silence
    return Suppressed(quiet, held_back(firing, rules, unknown))


def said(silence: Silence) -> str:
    """`by ada until 2025-03-10T12:00:00Z: planned import`."""
    return f"by {silence.author} until {shown(silence.ends)}: {silence.reason}"


def held_back(
    firing: Sequence[Alert], rules: Mapping[str, Rule], others: Sequence[Alert] = ()
) -> dict[str, tuple[Alert, ...]]:
    """By fingerprint of each alert that is held back, the alerts that hold it back.

    `others` may be held back and hold back nothing themselves.

    What holds back may be held back itself: a table that is late explains the mismatch, and the
    mismatch the guardrail. But there must be one at the root that is told. Alerts that only hold
    back each other are all told, or nobody would hear of any.
    """
    by_rule: dict[str, list[Alert]] = defaultdict(list)
    for one in firing:
        by_rule[one.rule].append(one)
    direct = {one.fingerprint: _inhibitors(one, by_rule, rules) for one in (*firing, *others)}
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


def _applies(link: InhibitedBy, one: Held, other: Held, rules: Mapping[str, Rule]) -> bool:
    """Whether a line of `inhibited_by` connects two alerts."""
    if other.rule not in rules:
        return False
    rule, source = rules[one.rule], rules[other.rule]
    own, others = all_labels(rule, one.labels), all_labels(source, other.labels)
    if any(name not in own or own[name] != others.get(name) for name in link.on):
        return False
    # A late or broken table says nothing of a mart that is not made of it.
    table = others.get(SOURCE) if SOURCE not in own else None
    return table is None or table in sources_of(rule)


def sources_of(rule: Rule) -> tuple[str, ...]:
    """The raw tables that a rule's mart is made of."""
    return MARTS[rule.mart].sources
