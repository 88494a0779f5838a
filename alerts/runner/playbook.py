"""The playbook for what holds together: a rule's text, by the states of other rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alerts.runner.route import all_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.detectors import Labels
    from alerts.rules import Rule
    from alerts.runner.evaluate import Result

# The state of a series that is fine, as rule files call it.
NORMAL = "normal"
# Nothing is known of a series that is so: it is neither what was asked for nor the opposite.
UNKNOWN = frozenset({"no_data", "invalid", "error", "too_few"})


class Playbook(NamedTuple):
    """What to do, and what of it is not known for certain."""

    text: str
    notes: tuple[str, ...] = ()


class Known(NamedTuple):
    """What is known beside an alert.

    Attributes:
        rules: Every rule, by name.
        results: The results of every rule, by its name.
        states: States as remembered, by fingerprint; those of the results where there is none.
    """

    rules: Mapping[str, Rule]
    results: Mapping[str, Sequence[Result]]
    states: Mapping[str, str]


def playbook(rule: Rule, labels: Labels, known: Known) -> Playbook:
    """The text for the joint condition; both texts where the condition cannot be told.

    Of another rule those results count whose labels agree with the alert's on all labels that both
    have. `normal` holds when all of them are, any other state when one is.
    """
    if not rule.playbook_when:
        return Playbook(rule.playbook)
    notes: list[str] = []
    answers = []
    for name, wanted in rule.playbook_when.items():
        states = _states(rule, labels, name, known)
        answer = _holds(states, wanted)
        answers.append(answer)
        if answer is None:
            found = ", ".join(sorted(set(states))) or "no result"
            notes.append(f"whether {name} is {wanted} is not known ({found})")
    if False in answers:
        return Playbook(rule.playbook_otherwise, tuple(notes))
    if None not in answers:
        return Playbook(rule.playbook)
    condition = " and ".join(f"{name} is {wanted}" for name, wanted in rule.playbook_when.items())
    both = [f"If {condition}:", rule.playbook.rstrip()]
    if rule.playbook_otherwise:
        both += ["Otherwise:", rule.playbook_otherwise.rstrip()]
    return Playbook("\n".join(both) + "\n", tuple(notes))


def _states(rule: Rule, labels: Labels, other: str, known: Known) -> list[str]:
    """The states of another rule's results that agree with the labels of an alert."""
    own = all_labels(rule, labels)
    found = []
    for result in known.results.get(other, ()):
        theirs = all_labels(known.rules[other], result.labels)
        if all(own[name] == value for name, value in theirs.items() if name in own):
            found.append(known.states.get(result.fingerprint, result.state))
    return [NORMAL if state == "ok" else state for state in found]


def _holds(states: Sequence[str], wanted: str) -> bool | None:
    """Whether they are so; None where that is not known."""
    if wanted != NORMAL and wanted in states:
        return True
    if wanted == NORMAL and any(state not in UNKNOWN | {NORMAL} for state in states):
        return False
    if not states or any(state in UNKNOWN for state in states):
        return None
    return wanted == NORMAL
