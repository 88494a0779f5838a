"""From results and transitions to messages: what to send, to whom, in which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alerts.detectors.sentences import shown
from alerts.notify.message import SEVERITIES, Alert, Message
from alerts.runner.playbook import Known, Playbook, playbook
from alerts.runner.route import receivers_of, receivers_without_rule
from alerts.runner.tell import Story, alert_of, command, headline, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alerts.notify.message import Kind
    from alerts.rules import Rule, RuleSet
    from alerts.runner.evaluate import Episode, Evaluation, Result
    from alerts.runner.inhibit import Held
    from alerts.runner.why import Why
    from alerts.state.model import Transition

__all__ = ["GROUP_ABOVE", "Context", "Outgoing", "compose", "shown", "title"]

# More alerts than this in one run become one message per receiver.
GROUP_ABOVE = 10
# So many alerts that are held back are named, the others counted.
NAMED = 5
# What burns comes before what is over.
_KINDS: tuple[Kind, ...] = ("firing", "unknown", "repeated", "restated", "known", "resolved")
# What is known of an episode goes to whoever was told that it began.
LATER: frozenset[Kind] = frozenset({"repeated", "resolved", "restated", "known"})


@dataclass(frozen=True)
class Outgoing:
    """A message and the receiver it is for."""

    receiver: str
    message: Message


@dataclass(frozen=True)
class Context:
    """What messages are made of, beside the transitions.

    Attributes:
        evaluation: Of this run.
        rules: All rules, not only those that were evaluated.
        flags: Of the run (`--target`, `--rules` …), repeated in the command of an alert.
        why: What moved the value, by fingerprint.
        held: What is held back because of which alert, by fingerprint of the one that is told.
        states: States as remembered, by fingerprint.
        notes: Further remarks, by fingerprint.
        told_to: The receivers that know of an incident, where that is known; what follows of it
            goes there, wherever its rule sends new ones by now.
    """

    evaluation: Evaluation
    rules: RuleSet
    flags: Sequence[str] = ()
    why: Mapping[str, Why] = field(default_factory=dict)
    held: Mapping[str, Sequence[Held]] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    told_to: Mapping[str, Sequence[str]] = field(default_factory=dict)


def compose(transitions: Iterable[Transition], context: Context) -> list[Outgoing]:
    """A message for each transition that is to be told, to each of its receivers.

    What burns comes first, then the gravest. A receiver of more than `GROUP_ABOVE` alerts gets one
    message with all of them; PagerDuty gets each by itself. It takes an event for each alert and
    so many a minute: of a message with hundreds, no run would reach the end.
    """
    composer = _Composer(context)
    by_receiver: dict[str, list[Alert]] = {}
    for one in sorted((one for one in transitions if one.told), key=_what_burns_first):
        alert = composer.alert(one)
        for receiver in composer.receivers(one, alert):
            by_receiver.setdefault(receiver, []).append(alert)
    again = command([], context.evaluation.as_of, context.flags)
    outgoing: list[Outgoing] = []
    for receiver, alerts in by_receiver.items():
        if len(alerts) > GROUP_ABOVE and not _one_by_one(context.rules, receiver):
            outgoing.append(Outgoing(receiver, _group(alerts, again)))
        else:
            outgoing += [Outgoing(receiver, _single(alert)) for alert in alerts]
    return outgoing


def _one_by_one(rules: RuleSet, receiver: str) -> bool:
    config = rules.receivers.get(receiver)
    return config is not None and config.type == "pagerduty"


class _Composer:
    """The rules, results and episodes of a run, where a transition finds its own."""

    def __init__(self, context: Context) -> None:
        self.context = context
        evaluation = context.evaluation
        self.rules: dict[str, Rule] = {rule.name: rule for rule in context.rules.rules}
        self.results = {one.fingerprint: one for one in evaluation.results}
        self.episodes: dict[str, list[Episode]] = {}
        for episode in evaluation.episodes:
            self.episodes.setdefault(episode.fingerprint, []).append(episode)
        by_rule: dict[str, list[Result]] = {}
        for result in evaluation.results:
            by_rule.setdefault(result.rule, []).append(result)
        self.known = Known(self.rules, by_rule, context.states)

    def alert(self, transition: Transition) -> Alert:
        """The alert of a transition."""
        context, name = self.context, transition.fingerprint
        rule = self.rules.get(transition.rule)
        story = Story(transition, rule, self.results.get(name), self._span(transition))
        todo = playbook(rule, transition.labels, self.known) if rule else Playbook("")
        why = context.why.get(name) if transition.kind == "firing" else None
        notes = [*context.notes.get(name, ())]
        if transition.kind in {"firing", "repeated"} and context.held.get(name):
            notes.append(_holds_back(context.held[name]))
        if why is not None and why.note:
            notes.append(why.note)
        return alert_of(story, todo, context.flags, why.lines if why else (), notes)

    def receivers(self, transition: Transition, alert: Alert) -> Sequence[str]:
        """Where a transition is told."""
        known = self.context.told_to.get(alert.incident)
        if known and transition.kind in LATER:
            return tuple(dict.fromkeys(known))
        rule = self.rules.get(transition.rule)
        if rule is None:
            where = self.context.rules
            return receivers_without_rule(transition.severity, transition.labels, where)
        return receivers_of(rule, transition.labels, self.context.rules.routes)

    def _span(self, transition: Transition) -> Episode | None:
        """The episode that a transition is about."""
        found = self.episodes.get(transition.fingerprint, [])
        return next((one for one in found if one.first == transition.since), None)


def _single(alert: Alert) -> Message:
    return Message(headline(alert), alert.severity, (alert,))


def _group(alerts: Sequence[Alert], again: str) -> Message:
    gravest = max((alert.severity for alert in alerts), key=SEVERITIES.index)
    fire = sum(alert.kind == "firing" for alert in alerts)
    counted = f"{len(alerts)} alerts fire" if fire == len(alerts) else f"{len(alerts)} alerts"
    if 0 < fire < len(alerts):
        counted += f", {fire} of them new"
    return Message(f"{gravest.upper()}: {counted}", gravest, tuple(alerts), again)


def _holds_back(held: Sequence[Held]) -> str:
    """`holds back 2 alerts: ctr-floor {surface=home}, …`."""
    named = ", ".join(title(one.rule, one.labels) for one in held[:NAMED])
    more = f" and {len(held) - NAMED} more" if len(held) > NAMED else ""
    return f"holds back {len(held)} alert{'' if len(held) == 1 else 's'}: {named}{more}"


def _what_burns_first(one: Transition) -> tuple[int, int, str, Sequence[tuple[str, str]], int]:
    order = _KINDS.index(one.kind), -SEVERITIES.index(one.severity)
    return *order, one.rule, one.labels, one.episode
