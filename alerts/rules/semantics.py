"""What the types cannot say: that a rule fits the mart it names."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from alerts.rules.expressions import format_duration
from alerts.rules.marts import MARTS, REFERENCES, Mart
from alerts.rules.model import Slack, Threshold, WeekOverWeek

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from alerts.rules.model import ReceiverConfig, Rule

Finding = tuple[tuple[str | int, ...], str]


def suggest(word: str, known: Collection[str]) -> str:
    """` (did you mean 'ctr'?)`, or the list of what is known."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(sorted(known))}"


def check_rule(rule: Rule) -> Iterator[Finding]:
    """Everything about a rule that its mart contradicts, each with the field it concerns."""
    mart = MARTS.get(rule.mart)
    if mart is None:
        yield ("mart",), f"no rule can read the mart {rule.mart!r}: {suggest(rule.mart, MARTS)}"
        return
    yield from _metric(rule, mart)
    yield from _labels(rule, mart)
    yield from _bound(rule)
    guard = rule.min_denominator
    if guard is not None and guard.column not in mart.counts:
        known = suggest(guard.column, mart.counts)
        message = f"{rule.mart} has no countable column {guard.column!r}: {known}"
        yield ("min_denominator", "column"), message
    if rule.hold is not None and rule.hold % mart.bucket:
        length = format_duration(mart.bucket)
        written = format_duration(rule.hold)
        yield ("for",), f"{written} is not a multiple of {length}, the bucket of {rule.mart}"


def check_receiver(config: ReceiverConfig) -> Iterator[Finding]:
    """Whether a Slack receiver knows one way to Slack."""
    if not isinstance(config, Slack):
        return
    if (config.token_env is None) == (config.webhook_env is None):
        yield (), f"receiver {config.name!r} needs either token_env or webhook_env"
    elif config.token_env is not None and not config.channel:
        yield (), f"receiver {config.name!r} needs a channel beside token_env"


def _metric(rule: Rule, mart: Mart) -> Iterator[Finding]:
    metric = mart.metrics.get(rule.metric)
    if metric is None:
        message = f"{rule.mart} has no metric {rule.metric!r}: {suggest(rule.metric, mart.metrics)}"
        yield ("metric",), message
    elif isinstance(rule, WeekOverWeek) and metric.change is None:
        changes = sorted(name for name, known in mart.metrics.items() if known.change)
        wanted = f"take {' or '.join(changes)}" if changes else "take analytics.ctr_weekly"
        yield ("metric",), f"{rule.metric!r} is not a change over a week: {wanted}"
    elif isinstance(rule, Threshold) and metric.change is not None:
        message = f"{rule.metric!r} is a change over a week: write kind: week_over_week"
        yield ("metric",), message


def _labels(rule: Rule, mart: Mart) -> Iterator[Finding]:
    for place, names in (("by", rule.by), ("where", tuple(rule.where))):
        for position, name in enumerate(names):
            if name not in mart.labels:
                key = position if place == "by" else name
                known = suggest(name, mart.labels)
                yield (place, key), f"{rule.mart} has no label {name!r}: {known}"
    if len(set(rule.by)) < len(rule.by):
        yield ("by",), "a label is named twice"
    for name in mart.fixed:
        if name not in rule.by and name not in rule.where:
            message = f"{rule.mart} cannot be summed over {name}: add it to by or to where"
            yield ("by",), message


def _bound(rule: Rule) -> Iterator[Finding]:
    if rule.when.bound is not None:
        return
    reference = REFERENCES.get(rule.when.table)
    if reference is None:
        known = suggest(rule.when.table, REFERENCES)
        yield ("when",), f"no reference table {rule.when.table!r}: {known}"
    elif reference.key not in rule.by:
        message = f"{rule.when.table}.{rule.when.column} differs by {reference.key}: add it to by"
        yield ("when",), message
