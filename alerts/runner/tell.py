"""One alert in words, for each kind of thing there is to tell of it."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.detectors.sentences import number, shown
from alerts.explain.spark import chart
from alerts.notify.message import Alert
from alerts.rules.expressions import format_duration
from alerts.rules.marts import MARTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.notify.message import Kind
    from alerts.rules import Rule
    from alerts.runner.evaluate import Episode, Result
    from alerts.runner.playbook import Playbook
    from alerts.state.model import Because, Transition

# How the headline begins of what does not fire just now.
BEGINNINGS: dict[Kind, str] = {
    "repeated": "Still firing",
    "unknown": "Cannot be judged",
    "restated": "Restated",
    "known": "Can be judged again",
    "resolved": "Resolved",
}


# What makes a transition other than it usually is, as a remark.
REMARKS: dict[Because, str] = {
    "passed": "it began and ended between two evaluations",
    "late_rows": "late rows made it in the past",
    "held_back": "told late: it was held back until now",
    "rule_gone": "the rule is no longer in the rule file",
    "rule_changed": "the rule has changed since",
    "out_of_sight": "the mart no longer reaches back to it",
}


@dataclass(frozen=True)
class Story:
    """One thing to tell, with what is known of it.

    Attributes:
        transition: What happened.
        rule: Its rule; None of one that is no longer in the rule file.
        result: What holds now; None of a series that is no longer judged.
        span: The episode as history has it now; None where it has none.
    """

    transition: Transition
    rule: Rule | None
    result: Result | None = None
    span: Episode | None = None


def alert_of(
    story: Story,
    todo: Playbook,
    flags: Sequence[str] = (),
    why: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Alert:
    """The alert of a story; `why` and `notes` are its further lines."""
    told, rule, result = story.transition, story.rule, story.result
    acts = told.kind in {"firing", "repeated", "unknown"} and told.because != "passed"
    remark = REMARKS.get(told.because)
    until = result.until if result is not None else told.at
    return Alert(
        title=title(told.rule, told.labels),
        severity=told.severity,
        summary=summary(story),
        fingerprint=told.fingerprint,
        facts=facts(story),
        description=rule.description if rule else "",
        playbook=todo.text if acts else "",
        command=command(["--rule", told.rule], until, flags) if rule else "",
        kind=told.kind,
        episode=told.episode,
        trend=trend(rule, result) if rule and result else "",
        why=tuple(why),
        notes=(*([remark] if remark else ()), *notes, *(todo.notes if acts else ())),
    )


def title(rule: str, labels: Sequence[tuple[str, str]]) -> str:
    """`ctr-floor {surface=home}`."""
    inside = ", ".join(f"{name}={value}" for name, value in labels)
    return f"{rule} {{{inside}}}" if inside else rule


def headline(alert: Alert) -> str:
    """The first line of a message with one alert."""
    beginning = BEGINNINGS.get(alert.kind, alert.severity.upper())
    return f"{beginning}: {alert.title}"


def command(chosen: Sequence[str], as_of: date | None, flags: Sequence[str]) -> str:
    """The command that shows the same again, and sends nothing."""
    when = ["--as-of", shown(as_of)] if as_of is not None else []
    return shlex.join(["recwatch", "check", *chosen, *when, *flags, "--dry-run"])


def trend(rule: Rule, result: Result) -> str:
    """The newest values of a result as a chart of one line."""
    return chart(result.recent, result.unit, rule.when.operator, result.threshold)


def summary(story: Story) -> str:
    """What holds, in a sentence."""
    told = story.transition
    match told.kind:
        case "firing" if told.because == "passed":
            return f"it fired {_lasted(story)} and is over; now {told.reason}"
        case "resolved":
            return f"it fired {_lasted(story)}; now {told.reason}"
        case "restated":
            return f"late rows changed what was told, it does not stand any more: {told.reason}"
        case "unknown":
            return f"cannot be judged: {told.reason}"
        case "known":
            return f"can be judged again: {told.reason}"
        case _:
            return told.reason


def facts(story: Story) -> tuple[tuple[str, str], ...]:
    """Short pairs, most important first."""
    told, rule, result, span = story.transition, story.rule, story.result, story.span
    found = {"severity": told.severity, "rule": told.rule, **dict(told.labels)}
    if rule is not None and result is not None:
        found |= measured(result, rule)
    if told.kind in {"firing", "repeated", "resolved", "restated"} and told.since is not None:
        found["since"] = shown(told.since)
    if span is None or rule is None:
        return tuple(found.items())
    if told.kind == "resolved":
        found["until"] = shown(_end(rule, span))
        found["lasted"] = format_duration(_end(rule, span) - span.first)
    if told.kind != "firing" and result is not None:
        found["worst"] = number(span.worst, result.unit)
    return tuple(found.items())


def measured(result: Result, rule: Rule) -> dict[str, str]:
    """What was measured, against what, since when, on how much."""
    found: dict[str, str] = {}
    if result.value is not None:
        found["value"] = number(result.value, result.unit)
    if result.compared and result.current is not None and result.baseline is not None:
        found["now"] = number(result.current, result.compared)
        found[result.beside] = number(result.baseline, result.compared)
    if math.isfinite(result.threshold):
        found["threshold"] = f"{rule.when.operator} {number(result.threshold, result.unit)}"
    if result.since is not None:
        found["since"] = shown(result.since)
    if result.bucket is not None:
        found["bucket"] = shown(result.bucket)
    if result.denominator is not None and result.over:
        found[result.over] = number(result.denominator, "count")
    return found


def _lasted(story: Story) -> str:
    """`from 2025-03-05 to 2025-03-08 (3d), at worst 2 %`."""
    rule, span, result = story.rule, story.span, story.result
    if rule is None or span is None:
        return f"since {shown(story.transition.since)}"
    end = _end(rule, span)
    text = f"from {shown(span.first)} to {shown(end)} ({format_duration(end - span.first)})"
    return text if result is None else f"{text}, at worst {number(span.worst, result.unit)}"


def _end(rule: Rule, span: Episode) -> date:
    """The end of the last bucket that breached."""
    return span.last + MARTS[rule.mart].bucket
