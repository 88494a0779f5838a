"""Rules against marts: what holds now, and every episode of the past. Nothing is sent here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.detectors import (
    Limit,
    Run,
    Standing,
    drop,
    runs,
    standing,
    streak,
    threshold,
    week_over_week,
)
from alerts.detectors.sentences import Compared, Wording, describe, shown
from alerts.errors import ConfigurationError
from alerts.rules import Drop, Streak, Threshold, WeekOverWeek
from alerts.rules.expressions import format_duration
from alerts.rules.marts import MARTS, REFERENCES, WEEK
from alerts.runner.read import Grouping, Reader, Table, series
from alerts.runner.window import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from alerts.detectors import Labels, Series, State, Verdict
    from alerts.rules import Rule
    from alerts.rules.marts import Metric
    from alerts.rules.model import Severity
    from alerts.warehouse import Warehouse


@dataclass(frozen=True)
class Settings:
    """Where the marts lie, how their days are cut, and how far back to read.

    `prefix` stands before the schema names, `timezone` is the var `reporting_timezone`. Without a
    `lookback` each mart is read as far back as its own `history` reaches.
    """

    prefix: str = ""
    timezone: str = "UTC"
    lookback: timedelta | None = None


DEFAULTS = Settings()
# A level that has lasted for so long is what a drop is counted from.
FROZEN = timedelta(days=14)


@dataclass(frozen=True)
class Result:
    """What one rule says of one label set at its newest complete bucket.

    `since` is the first bucket of the breaches where the state is firing or pending, the first
    of the trailing buckets that could not be judged for no_data and too_few, None for ok.
    `until` is the end of the bucket: the `--as-of` that gives this result again.
    """

    rule: str
    labels: Labels
    state: State
    severity: Severity
    bucket: date | None
    since: date | None
    value: float | None
    threshold: float
    numerator: float | None
    denominator: float | None
    reason: str
    fingerprint: str
    until: date | None
    # The unit of value and threshold, and the name of the denominator's column.
    unit: str
    over: str
    # Where the value is a change: from what to what, and their unit.
    baseline: float | None = None
    current: float | None = None
    compared: str | None = None


@dataclass(frozen=True)
class Episode:
    """A run of breaches long enough to fire. `first`, `fired` and `last` are bucket starts.

    `open` says that no bucket has been fine since `last`.
    """

    rule: str
    labels: Labels
    fingerprint: str
    severity: Severity
    first: date
    fired: date
    last: date
    breaches: int
    worst: float
    threshold: float
    open: bool


@dataclass(frozen=True)
class Evaluation:
    """The results at the evaluation time, the episodes over the history read, and remarks.

    `unjudged` names the rules without a result; the remarks say why.
    """

    as_of: date | None
    results: tuple[Result, ...]
    episodes: tuple[Episode, ...]
    warnings: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()

    @property
    def firing(self) -> tuple[Result, ...]:
        """The results that fire."""
        return tuple(result for result in self.results if result.state == "firing")


def evaluate(
    rules: Sequence[Rule],
    warehouse: Warehouse,
    as_of: date | None = None,
    settings: Settings = DEFAULTS,
) -> Evaluation:
    """Judge every rule on every label set.

    `as_of` (a date of the reporting time zone, or a moment) takes the place of the marts' own
    newest data: buckets that end at or before it are complete, later ones are not seen.
    """
    zone = _zone(settings.timezone)
    moment = None if as_of is None else instant(as_of, zone)
    reader = Reader(warehouse, zone, moment, settings.prefix, settings.lookback)
    tables = reader.tables(rules)
    results: list[Result] = []
    episodes: list[Episode] = []
    warnings: list[str] = []
    lacking: dict[str, list[str]] = {}
    for rule in rules:
        table = tables[Grouping.of(rule)]
        found = list(_series(rule, table, reader))
        if not (table.cells and found):
            what = "complete bucket" if table.window is None else "value for them"
            lacking.setdefault(f"{rule.mart} has no {what}", []).append(rule.name)
        for one in _judged(rule, found, reader, warnings):
            results.append(one.result())
            episodes.extend(one.episodes())
    # By mart and not by rule: whoever has no decision traces would else read as many lines at
    # every run as there are rules on them.
    empty = [f"{text}, so not judged: {', '.join(names)}" for text, names in lacking.items()]
    judged = {result.rule for result in results}
    unjudged = tuple(rule.name for rule in rules if rule.name not in judged)
    return Evaluation(moment, tuple(results), tuple(episodes), (*empty, *warnings), unjudged)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"no time zone {name!r}: take a name such as UTC") from None


def fingerprint(rule: str, labels: Labels) -> str:
    """What identifies an alert: its rule and labels, never its value or threshold."""
    identity = json.dumps([rule, sorted(labels)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()


@dataclass(frozen=True)
class _Judged:
    """One rule on one label set, judged."""

    rule: Rule
    labels: Labels
    limit: Limit
    standing: Standing
    runs: Sequence[Run]

    def result(self) -> Result:
        mart = MARTS[self.rule.mart]
        wording = _wording(self.rule)
        verdict = self.standing.verdict
        point = verdict.point if verdict else None
        return Result(
            rule=self.rule.name,
            labels=self.labels,
            state=self.standing.state,
            severity=self.rule.severity,
            bucket=verdict.bucket if verdict else None,
            since=self.standing.since,
            value=verdict.value if verdict else None,
            threshold=self.limit.bound,
            numerator=point.numerator if point else None,
            denominator=point.denominator if point else None,
            reason=self._reason(),
            fingerprint=fingerprint(self.rule.name, self.labels),
            until=verdict.bucket + mart.bucket + mart.settles if verdict else None,
            unit=wording.unit,
            over=wording.denominator or "",
            baseline=verdict.before if verdict else None,
            current=point.value if point else None,
            compared=wording.compared.unit if wording.compared else None,
        )

    def episodes(self) -> Iterator[Episode]:
        for run in self.runs:
            if run.fired is not None:
                yield Episode(
                    rule=self.rule.name,
                    labels=self.labels,
                    fingerprint=fingerprint(self.rule.name, self.labels),
                    severity=self.rule.severity,
                    first=run.first,
                    fired=run.fired,
                    last=run.last,
                    breaches=run.breaches,
                    worst=run.worst,
                    threshold=self.limit.bound,
                    open=run.open,
                )

    def _reason(self) -> str:
        text = describe(self.standing.verdict, self.limit, _wording(self.rule))
        run = self.standing.run
        if self.standing.state == "pending" and run is not None:
            return f"{text}; {run.breaches} of {_needed(self.rule)} buckets"
        if self.standing.state in {"no_data", "too_few"} and run is not None and run.fired:
            first, last = shown(run.first), shown(run.last)
            return f"{text}; it fired from {first} to {last} and is not known to have ended"
        return text


def _series(rule: Rule, table: Table, reader: Reader) -> Iterator[Series]:
    guard = rule.min_denominator.column if rule.min_denominator else None
    metric = MARTS[rule.mart].metrics[rule.metric]
    return series(table, rule.by, metric, guard, reader.expected(Grouping.of(rule)))


def _judged(
    rule: Rule, found: Sequence[Series], reader: Reader, warnings: list[str]
) -> Iterator[_Judged]:
    guard = rule.min_denominator
    for one in found:
        bound = _bound(rule, one.labels, reader)
        if bound is None:
            warnings.append(f"rule {rule.name}: {_no_bound(rule, one.labels)}")
            continue
        limit = Limit(rule.when.operator, bound, guard.value if guard else None)
        verdicts = _verdicts(rule, one, limit)
        breaches = runs(verdicts, _needed(rule), limit, _within(rule))
        yield _Judged(rule, one.labels, limit, standing(verdicts, breaches), breaches)


def _verdicts(rule: Rule, one: Series, limit: Limit) -> list[Verdict]:
    """The detector of the rule's kind; a new kind is one more case here."""
    match rule:
        case Threshold():
            return threshold.judge(one, limit)
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


def _needed(rule: Rule) -> int:
    return 1 if rule.hold is None else rule.hold // MARTS[rule.mart].bucket


def _within(rule: Rule) -> int | None:
    """How many buckets a breach counts for: of short ones twice as many as must breach."""
    return None if MARTS[rule.mart].in_days else 2 * _needed(rule)


def _bound(rule: Rule, labels: Labels, reader: Reader) -> float | None:
    if rule.when.bound is not None:
        return rule.when.bound
    key = dict(labels)[REFERENCES[rule.when.table].key]
    return reader.bound(rule.when.table, rule.when.column, key)


def _no_bound(rule: Rule, labels: Labels) -> str:
    reference = REFERENCES[rule.when.table]
    key = dict(labels)[reference.key]
    return f"{reference.relation} gives no {rule.when.column} for {key!r}, so it is not judged"


def _wording(rule: Rule) -> Wording:
    metric = MARTS[rule.mart].metrics[rule.metric]
    compared = _compared(rule, metric)
    unit = "share" if isinstance(rule, Drop) else metric.unit
    return Wording(
        metric=rule.metric,
        unit="points" if metric.change == "absolute" else unit,
        numerator=metric.numerator,
        denominator=metric.denominator,
        guard=rule.min_denominator.column if rule.min_denominator else None,
        compared=compared,
    )


def _compared(rule: Rule, metric: Metric) -> Compared | None:
    if isinstance(rule, Drop):
        return Compared(
            metric.unit,
            change=f"change of {rule.metric}",
            when=f"in the {format_duration(rule.baseline)} before",
            event="the fall",
            lacking="too little",
        )
    return Compared(metric.unit, change=rule.metric) if metric.change else None
