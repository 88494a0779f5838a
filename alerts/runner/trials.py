"""Rules on experiments: which of them run, and each treatment arm against its control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.detectors import Series, experiment_delta
from alerts.detectors.experiment_delta import Certainty
from alerts.detectors.sentences import Compared
from alerts.rules.marts import MARTS
from alerts.runner.plans import NO_EXPERIMENT, Span, span_of, within
from alerts.runner.subjects import (
    Found,
    Subject,
    bound_of,
    experiment_of,
    lacking_of,
    limit_of,
    wording_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alerts.detectors import Labels, Limit
    from alerts.detectors.series import Bucket
    from alerts.experiments.evidence import Plan
    from alerts.rules import ExperimentDelta, Rule
    from alerts.runner.read import Reader


def judge_delta(rule: ExperimentDelta, reader: Reader) -> Found:
    """Each treatment arm against the control arm of its experiment, by the other labels."""
    table, found = reader.table(rule), reader.series(rule)
    warnings: dict[str, None] = {}
    subjects: list[Subject] = []
    window = reader.window(rule.mart)
    for pair in arms(rule, found, reader, warnings) if window else ():
        bound = bound_of(rule, pair.treatment.labels, reader)
        if bound is not None and window is not None:
            subjects.append(_delta(rule, pair, limit_of(rule, bound), window.last))
    return Found(tuple(subjects), lacking_of(table, found, subjects), tuple(warnings))


@dataclass(frozen=True)
class Pair:
    """A treatment arm over the buckets of its experiment, and control in the same buckets."""

    treatment: Series
    control: Sequence[Bucket | None]
    span: Span


def arms(
    rule: ExperimentDelta, found: Sequence[Series], reader: Reader, warnings: dict[str, None]
) -> Iterator[Pair]:
    """Every treatment arm with its control; `warnings` is told what has none and why."""
    mart = MARTS[rule.mart]
    by_labels = {frozenset(one.labels): one for one in found}
    for one in found:
        key, labels = experiment_of(rule, one.labels), dict(one.labels)
        if key == NO_EXPERIMENT or NO_EXPERIMENT in labels.values():
            continue
        plan = reader.plans().get(key)
        span = None if plan is None else span_of(plan, mart, reader.zone)
        if plan is None or plan.control is None:
            why = "has no such experiment" if plan is None else "names no single control arm"
            text = f"rule {rule.name}: experiment_plans {why}: {key!r}, so it is not judged"
            warnings[text] = None
            continue
        if span is None or labels["variation"] == plan.control:
            continue
        inside = within(one, span)
        if not inside.buckets:
            continue
        other = by_labels.get(frozenset({**labels, "variation": plan.control}.items()))
        points: dict[date, Bucket | None] = {}
        if other is not None:
            points = dict(zip(other.buckets, other.points, strict=True))
        yield Pair(inside, [points.get(bucket) for bucket in inside.buckets], span)


def _delta(rule: ExperimentDelta, pair: Pair, limit: Limit, newest: date) -> Subject:
    certainty, chance = None, ""
    if rule.confidence is not None:
        certainty = Certainty(rule.confidence, rule.design_effect)
        chance = f"at {100 * rule.confidence:g} %"
    verdicts = experiment_delta.judge(pair.treatment, pair.control, limit, certainty)
    compared = Compared(
        MARTS[rule.mart].metrics[rule.metric].unit,
        change=f"{rule.metric} against control",
        when="in the control arm",
        joint="against",
        beside="control",
        chance=chance,
    )
    wording = wording_of(rule, compared)
    return Subject(pair.treatment.labels, limit, verdicts, wording, pair.span.is_over(newest))


@dataclass(frozen=True)
class Begun:
    """An experiment that has begun, with the days of it that a mart can tell of.

    Attributes:
        plan: Of the experiment.
        days: Complete ones of its run, oldest first.
        is_over: Whether it ended before the newest complete day.
    """

    plan: Plan
    days: Sequence[date]
    is_over: bool

    def series(self, labels: Labels, points: Mapping[date, Bucket]) -> Series:
        """Its days with these points; None stands where there is none."""
        return Series(labels, self.days, [points.get(day) for day in self.days])


def begun_experiments(rule: Rule, reader: Reader) -> list[Begun]:
    """The experiments that have begun, and what is left of them in the mart's window.

    Rows are expected of each, so that one without any is no_data rather than not there.
    """
    mart, window = MARTS[rule.mart], reader.window(rule.mart)
    if window is None:
        return []
    days = window.buckets()
    found = []
    for plan in sorted(reader.plans().values(), key=lambda plan: plan.experiment_key):
        span = span_of(plan, mart, reader.zone)
        if span is None or rule.where.get("experiment_key", plan.experiment_key) != (
            plan.experiment_key
        ):
            continue
        inside = within(Series((), days, [None] * len(days)), span).buckets
        if inside:
            found.append(Begun(plan, inside, span.is_over(window.last)))
    return found


def lacking_experiments(subjects: Sequence[Subject], rule: Rule, reader: Reader) -> str:
    """What there is none of, where it leaves a rule on experiments without anything to judge."""
    if reader.window(rule.mart) is None:
        return "complete bucket"
    return "running experiment" if all(one.is_over for one in subjects) else ""
