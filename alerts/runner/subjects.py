"""Each label set of a rule, judged bucket by bucket, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from alerts.detectors import Evidence, Limit, drop, streak, threshold, week_over_week, zscore
from alerts.detectors.sentences import Compared, Wording
from alerts.rules import Drop, Streak, Threshold, WeekOverWeek, ZScore
from alerts.rules.expressions import format_duration
from alerts.rules.marts import DAY, MARTS, REFERENCES, WEEK
from alerts.rules.time_semantics import is_share
from alerts.runner.plans import span_of, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.detectors import Labels, Series, Verdict
    from alerts.rules import Rule
    from alerts.rules.marts import Metric
    from alerts.runner.read import Reader, Table

# A level that has lasted for so long is what a drop is counted from.
FROZEN = timedelta(days=14)


@dataclass(frozen=True)
class Subject:
    """One label set of a rule.

    Attributes:
        labels: Which.
        limit: When its values breach.
        verdicts: One for each bucket, oldest first.
        wording: How the rule speaks of it.
        is_over: Whether it is an experiment that has ended: its past counts, nothing holds now.
        is_moment: Whether its buckets are moments of the clock, and no stretches of data time.
    """

    labels: Labels
    limit: Limit
    verdicts: Sequence[Verdict]
    wording: Wording
    is_over: bool = False
    is_moment: bool = False


@dataclass(frozen=True)
class Found:
    """What one rule has to judge.

    Attributes:
        subjects: Each label set.
        lacking: What the mart has none of, where it leaves the rule without anything to judge.
        warnings: What is not judged and why.
    """

    subjects: tuple[Subject, ...]
    lacking: str = ""
    warnings: tuple[str, ...] = ()


def judge(rule: Rule, reader: Reader) -> Found:
    """Every label set of a rule that reads one series for each."""
    table, found = reader.table(rule), reader.series(rule)
    warnings: list[str] = []
    subjects: list[Subject] = []
    for one, is_over in running(rule, found, reader):
        bound = bound_of(rule, one.labels, reader)
        if bound is None:
            warnings.append(f"rule {rule.name}: {_no_bound(rule, one.labels)}")
            continue
        limit = limit_of(rule, bound)
        verdicts = _verdicts(rule, one, limit)
        subjects.append(Subject(one.labels, limit, verdicts, wording_of(rule), is_over))
    return Found(tuple(subjects), lacking_of(table, found, subjects), tuple(warnings))


def lacking_of(table: Table, found: Sequence[Series], subjects: Sequence[Subject]) -> str:
    """What there is none of, as the warning says it; empty where there is something to judge."""
    if not (table.cells and found):
        return "complete bucket" if table.window is None else "value for them"
    if all(one.is_over for one in subjects):
        return "running experiment" if subjects else ""
    return ""


def limit_of(rule: Rule, bound: float) -> Limit:
    """The rule's condition with its bound."""
    guard = rule.min_denominator
    minimum = guard.value if guard else None
    return Limit(rule.when.operator, bound, minimum, two_sided=isinstance(rule, ZScore))


def bound_of(rule: Rule, labels: Labels, reader: Reader) -> float | None:
    """The bound for a label set; None where a reference table gives none."""
    if rule.when.bound is not None:
        return rule.when.bound
    key = dict(labels)[REFERENCES[rule.when.table].key]
    return reader.bound(rule.when.table, rule.when.column, key)


def wording_of(rule: Rule, compared: Compared | None = None) -> Wording:
    """The names and units of a rule; `compared` where it is none of a kind known here."""
    metric = MARTS[rule.mart].metrics[rule.metric]
    known = compared or _compared(rule, metric)
    unit: str = "share" if compared or isinstance(rule, Drop) else metric.unit
    if isinstance(rule, ZScore):
        unit = "sd"
    sure = rule.confidence if isinstance(rule, Threshold) else None
    return Wording(
        metric=rule.metric,
        unit="points" if metric.change == "absolute" else unit,
        numerator=metric.numerator,
        denominator=metric.denominator,
        guard=rule.min_denominator.column if rule.min_denominator else None,
        compared=known,
        chance=f"at {100 * sure:g} %" if sure else "",
    )


def running(rule: Rule, found: Sequence[Series], reader: Reader) -> Iterator[tuple[Series, bool]]:
    """Each series with whether its experiment is over; where one has ended, so has its series.

    Without that an experiment that has ended would for ever be one of which there are no data.
    """
    mart = MARTS[rule.mart]
    window = reader.window(rule.mart)
    if not mart.of_experiments or window is None:
        yield from ((one, False) for one in found)
        return
    for one in found:
        plan = reader.plans().get(experiment_of(rule, one.labels))
        span = None if plan is None else span_of(plan, mart, reader.zone)
        if span is None:
            yield one, False
        elif (inside := within(one, span)).buckets:
            yield inside, span.is_over(window.last)


def experiment_of(rule: Rule, labels: Labels) -> str:
    """The experiment that a label set is about; empty where it is about several."""
    return {**rule.where, **dict(labels)}.get("experiment_key", "")


def _verdicts(rule: Rule, one: Series, limit: Limit) -> list[Verdict]:
    """The detector of the rule's kind; a new kind of one series is one more case here."""
    match rule:
        case WeekOverWeek():
            mart = MARTS[rule.mart]
            relative = mart.metrics[rule.metric].change == "relative"
            return week_over_week.judge(one, limit, periods=WEEK // mart.bucket, relative=relative)
        case Drop():
            bucket = MARTS[rule.mart].bucket
            periods = rule.baseline // bucket
            # Five of seven, where nothing else is asked for.
            minimum = rule.min_baseline or -(-5 * periods // 7)
            frozen = max(FROZEN // bucket, 1)
            return drop.judge(one, limit, periods=periods, minimum=minimum, frozen=frozen)
        case Streak():
            return streak.judge(one, limit)
        case ZScore():
            return [score.verdict for score in zscore.judge(one, setting_of(rule, limit))]
        case Threshold(confidence=float(confidence)):
            return threshold.judge(one, limit, Evidence(confidence, rule.design_effect))
        case _:
            return threshold.judge(one, limit)


def setting_of(rule: ZScore, limit: Limit) -> zscore.Setting:
    """How a rule on z-scores wants its days judged."""
    days = rule.baseline // DAY
    # Fourteen days, or five in seven of a baseline that has not so many.
    usual = min(14, max(2, -(-5 * days // 7)))
    return zscore.Setting(
        days=days,
        minimum=rule.min_baseline or usual,
        frozen=FROZEN // DAY,
        bound=limit.bound,
        consecutive=1 if rule.hold is None else rule.hold // DAY,
        shares=is_share(MARTS[rule.mart].metrics[rule.metric]),
        design_effect=rule.design_effect,
        least=limit.minimum,
    )


def _no_bound(rule: Rule, labels: Labels) -> str:
    reference = REFERENCES[rule.when.table]
    key = dict(labels)[reference.key]
    return f"{reference.relation} gives no {rule.when.column} for {key!r}, so it is not judged"


def _compared(rule: Rule, metric: Metric) -> Compared | None:
    if isinstance(rule, Drop):
        return Compared(
            metric.unit,
            change=f"change of {rule.metric}",
            when=f"in the {format_duration(rule.baseline)} before",
            event="the fall",
            lacking="too little",
        )
    if isinstance(rule, ZScore):
        return Compared(
            metric.unit,
            change=f"z-score of {rule.metric}",
            when=f"in the {format_duration(rule.baseline)} before",
            lacking="too few days",
            undefined="it was the same on every day before",
        )
    return Compared(metric.unit, change=rule.metric) if metric.change else None
