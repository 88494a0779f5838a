"""Rules against marts: what holds now, and every episode of the past. Nothing is sent here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.detectors import Limit, Run, Standing, runs, standing, threshold, week_over_week
from alerts.detectors.sentences import Wording, describe
from alerts.errors import ConfigurationError
from alerts.rules import Threshold, WeekOverWeek
from alerts.rules.marts import MARTS, REFERENCES, WEEK
from alerts.runner.read import Grouping, Reader, Table, series
from alerts.runner.window import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from alerts.detectors import Labels, Series, State, Verdict
    from alerts.rules import Rule
    from alerts.rules.model import Severity
    from alerts.warehouse import Warehouse


@dataclass(frozen=True)
class Settings:
    """Where the marts lie, how their days are cut, and how far back to read.

    `prefix` stands before the schema names, `timezone` is the var `reporting_timezone`.
    """

    prefix: str = ""
    timezone: str = "UTC"
    lookback: timedelta = timedelta(days=400)


DEFAULTS = Settings()


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
    """The results at the evaluation time, the episodes over the history read, and remarks."""

    as_of: date | None
    results: tuple[Result, ...]
    episodes: tuple[Episode, ...]
    warnings: tuple[str, ...] = ()

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
    for rule in rules:
        table = tables[Grouping.of(rule)]
        if not table.cells:
            warnings.append(f"rule {rule.name}: {rule.mart} has no complete bucket to judge")
        for one in _judged(rule, table, reader, warnings):
            results.append(one.result())
            episodes.extend(one.episodes())
    return Evaluation(moment, tuple(results), tuple(episodes), tuple(warnings))


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
            unit=_wording(self.rule).unit,
            over=mart.metrics[self.rule.metric].denominator or "",
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
            return f"{text}; it fired from {run.first} to {run.last} and is not known to have ended"
        return text


def _judged(rule: Rule, table: Table, reader: Reader, warnings: list[str]) -> Iterator[_Judged]:
    mart = MARTS[rule.mart]
    guard = rule.min_denominator
    column = guard.column if guard else None
    expected = reader.expected(Grouping.of(rule))
    for one in series(table, rule.by, mart.metrics[rule.metric], column, expected):
        bound = _bound(rule, one.labels, reader)
        if bound is None:
            warnings.append(f"rule {rule.name}: {_no_bound(rule, one.labels)}")
            continue
        limit = Limit(rule.when.operator, bound, guard.value if guard else None)
        verdicts = _verdicts(rule, one, limit)
        found = runs(verdicts, _needed(rule), limit)
        yield _Judged(rule, one.labels, limit, standing(verdicts, found), found)


def _verdicts(rule: Rule, one: Series, limit: Limit) -> list[Verdict]:
    """The detector of the rule's kind; a new kind is one more case here."""
    match rule:
        case Threshold():
            return threshold.judge(one, limit)
        case WeekOverWeek():
            mart = MARTS[rule.mart]
            relative = mart.metrics[rule.metric].change == "relative"
            return week_over_week.judge(one, limit, periods=WEEK // mart.bucket, relative=relative)


def _needed(rule: Rule) -> int:
    return 1 if rule.hold is None else rule.hold // MARTS[rule.mart].bucket


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
    return Wording(
        metric=rule.metric,
        unit="points" if metric.change == "absolute" else metric.unit,
        numerator=metric.numerator,
        denominator=metric.denominator,
        guard=rule.min_denominator.column if rule.min_denominator else None,
        compared=metric.unit if metric.change else None,
    )
