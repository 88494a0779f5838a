"""What the types cannot say: that a rule fits the mart it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules import marts
from alerts.rules.expressions import format_duration
from alerts.rules.marts import MARTS, REFERENCES, Mart
from alerts.rules.model import (
    Drop,
    ExperimentDelta,
    ExperimentGuardrail,
    Freshness,
    Quarantine,
    Slack,
    Srm,
    Streak,
    Threshold,
    WeekOverWeek,
    ZScore,
)
from alerts.rules.references import suggest
from alerts.rules.time_semantics import check_freshness, check_zscore, is_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from alerts.rules.marts import Metric
    from alerts.rules.model import ReceiverConfig, Rule
    from alerts.rules.references import Finding


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
    for name, length in (("for", rule.hold), ("keep_firing_for", rule.keep_firing_for)):
        if length is not None:
            yield from _multiple(name, length, rule, mart)
    yield from _kind(rule, mart)


def _kind(rule: Rule, mart: Mart) -> Iterator[Finding]:
    """What the rule's own kind asks for."""
    match rule:
        case Threshold():
            yield from _threshold(rule, mart)
        case Drop():
            yield from _drop(rule, mart)
        case Streak():
            yield from _streak(rule)
        case ExperimentDelta():
            yield from _experiment_delta(rule, mart)
        case Srm() | ExperimentGuardrail():
            yield from _test(rule)
        case ZScore():
            yield from check_zscore(rule, mart)
        case Freshness():
            yield from check_freshness(rule, mart)


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
        wanted = _wanted(mart, lambda one: one.change is not None)
        yield ("metric",), f"{rule.metric!r} is not a change over a week: {wanted}"
    elif isinstance(rule, Streak) and not isinstance(metric, marts.Streak):
        wanted = _wanted(mart, lambda one: isinstance(one, marts.Streak))
        yield ("metric",), f"{rule.metric!r} is not a streak: {wanted}"
    elif isinstance(metric, marts.Judgement) and rule.kind != metric.kind:
        yield ("metric",), f"{rule.metric!r} is a test: write kind: {metric.kind}"
    elif isinstance(rule, Srm | ExperimentGuardrail) and not isinstance(metric, marts.Judgement):
        wanted = _wanted(
            mart, lambda one: isinstance(one, marts.Judgement) and one.kind == rule.kind
        )
        yield ("metric",), f"{rule.metric!r} is no test of kind {rule.kind}: {wanted}"
    elif isinstance(metric, marts.Age) and not isinstance(rule, Freshness):
        yield ("metric",), f"{rule.metric!r} is a length of time: write kind: freshness"
    elif isinstance(rule, Freshness) and not isinstance(metric, marts.Age):
        yield ("metric",), "a freshness rule has no metric: leave it out"
    elif isinstance(metric, marts.Pivot) != isinstance(rule, Quarantine):
        wanted = _wanted(mart, lambda one: isinstance(one, marts.Pivot))
        message = f"what is refused is judged by kind: quarantine, and nothing else is: {wanted}"
        yield ("metric",), message
    elif metric.change is not None and not isinstance(rule, WeekOverWeek):
        message = f"{rule.metric!r} is a change over a week: write kind: week_over_week"
        yield ("metric",), message


def _wanted(mart: Mart, fits: Callable[[Metric], bool]) -> str:
    """What to take instead: metrics of this mart that fit, else the marts that have one."""
    here = sorted(name for name, metric in mart.metrics.items() if fits(metric))
    others = [name for name, one in MARTS.items() if any(map(fits, one.metrics.values()))]
    return f"take {' or '.join(here or others)}"


def _labels(rule: Rule, mart: Mart) -> Iterator[Finding]:
    for place, names in (("by", rule.by), ("where", tuple(rule.where))):
        for position, name in enumerate(names):
            if name not in mart.labels:
                key = position if place == "by" else name
                known = suggest(name, mart.labels)
                yield (place, key), f"{rule.mart} has no label {name!r}: {known}"
    if len(set(rule.by)) < len(rule.by):
        yield ("by",), "a label is named twice"
    metric = mart.metrics.get(rule.metric)
    needed = mart.fixed if metric is None else mart.unsummable(metric)
    for name in needed:
        if name not in rule.by and name not in rule.where:
            what = rule.mart if name in mart.fixed else rule.metric
            yield ("by",), f"{what} cannot be summed over {name}: add it to by or to where"


def _multiple(field: str, length: timedelta, rule: Rule, mart: Mart) -> Iterator[Finding]:
    if length % mart.bucket:
        written, bucket = format_duration(length), format_duration(mart.bucket)
        yield (field,), f"{written} is not a multiple of {bucket}, the bucket of {rule.mart}"


def _threshold(rule: Threshold, mart: Mart) -> Iterator[Finding]:
    metric = mart.metrics.get(rule.metric)
    if rule.confidence is None:
        if "design_effect" in rule.model_fields_set:
            yield ("design_effect",), "it says how sure a share is: add confidence: 0.95"
    elif metric is not None and not is_share(metric):
        message = f"{rule.metric!r} is no share of events, so its interval is not known: leave it"
        yield ("confidence",), f"{message} out"


def _drop(rule: Drop, mart: Mart) -> Iterator[Finding]:
    yield from _multiple("baseline", rule.baseline, rule, mart)
    bound = rule.when.bound
    if not rule.when.operator.startswith("<") or (bound is not None and not -1 <= bound <= 0):
        message = 'a drop is a share less than before: write "< -0.05" for more than 5 % less'
        yield ("when",), message
    buckets = rule.baseline // mart.bucket
    if rule.min_baseline is not None and rule.min_baseline > buckets:
        message = f"the baseline of {format_duration(rule.baseline)} has only {buckets} buckets"
        yield ("min_baseline",), message


def _streak(rule: Streak) -> Iterator[Finding]:
    if not rule.when.operator.startswith(">"):
        yield ("when",), 'a streak is too long, never too short: write ">= 50"'


def _experiment_delta(rule: ExperimentDelta, mart: Mart) -> Iterator[Finding]:
    metric, bound = mart.metrics.get(rule.metric), rule.when.bound
    fixed = dict(rule.where)
    if not {"experiment_key", "variation"} <= set(mart.labels):
        known = [name for name, one in MARTS.items() if "variation" in one.labels]
        message = f"{rule.mart} does not tell arms apart: {suggest(rule.mart, known)}"
        yield ("mart",), message
    elif "variation" not in rule.by or "variation" in fixed:
        yield ("by",), "add variation to by and leave it out of where: control is read as well"
    elif "experiment_key" not in rule.by and "experiment_key" not in fixed:
        yield ("by",), "arms are of one experiment: add experiment_key to by or to where"
    if metric is not None and not (isinstance(metric, marts.Sums) and metric.denominator):
        wanted = _wanted(mart, lambda one: isinstance(one, marts.Sums) and bool(one.denominator))
        yield ("metric",), f"{rule.metric!r} is no ratio, and grows with the arm: {wanted}"
    elif isinstance(metric, marts.Sums) and rule.confidence and not metric.counts_events:
        message = f"how far {metric.numerator} scatters cannot be told from its sums: leave it out"
        yield ("confidence",), message
    if bound is not None and rule.when.operator.startswith("<") and bound < -1:
        yield ("when",), 'a delta is relative: write "< -0.05" for more than 5 % less'


def _test(rule: Srm | ExperimentGuardrail) -> Iterator[Finding]:
    """What stands in the rule file only to be read there, and cannot be otherwise."""
    if rule.by != type(rule).model_fields["by"].default:
        listed = ", ".join(type(rule).model_fields["by"].default)
        yield ("by",), f"{rule.kind} rules are by [{listed}]; restrict them with where"
    if rule.min_denominator is not None:
        message = "leave it out: the test itself knows how sure it is"
        yield ("min_denominator",), message
    if isinstance(rule, Srm):
        bound = rule.when.bound
        if bound is None or not (rule.when.operator.startswith("<") and 0 < bound < 1):
            yield ("when",), 'a mismatch is a small p-value: write "< 0.001"'
    elif rule.when != ExperimentGuardrail.model_fields["when"].default:
        yield ("when",), "leave it out: the margins stand in the guardrail file and the plans"


def _bound(rule: Rule) -> Iterator[Finding]:
    if rule.when.is_duration and not isinstance(rule, Freshness):
        message = f"{rule.when} is a length of time, which rules of kind freshness judge"
        yield ("when",), message
    if rule.when.bound is not None:
        return
    reference = REFERENCES.get(rule.when.table)
    if reference is None:
        known = suggest(rule.when.table, REFERENCES)
        yield ("when",), f"no reference table {rule.when.table!r}: {known}"
    elif reference.key not in rule.by:
        message = f"{rule.when.table}.{rule.when.column} differs by {reference.key}: add it to by"
        yield ("when",), message
