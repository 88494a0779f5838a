"""Rules over a past range: their episodes, the messages those would have been, and their score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alerts.backtest.matching import day_of, fired_at
from alerts.backtest.messages import Messages, Span, count_messages
from alerts.backtest.score import Score, score
from alerts.errors import ConfigurationError
from alerts.rules import Freshness
from alerts.rules.marts import DAY, MARTS, Judgement
from alerts.rules.model import DATA_QUALITY
from alerts.runner import Settings, evaluate
from alerts.runner.evaluate import open_reader, zone_of
from alerts.runner.window import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from alerts.backtest.truth import Incident
    from alerts.rules import Rule
    from alerts.runner import Episode, Evaluation
    from alerts.runner.read import Reader
    from alerts.warehouse import Warehouse

# What baselines look back on before the first day: four weeks, two of a frozen one, and as much
# again for the run of breaches that froze it.
BEFORE = timedelta(days=84)
YEAR = timedelta(days=365.25)
MONTH = timedelta(days=30)

LATE_ROWS = (
    "Marts hold late rows as of now: what a run of that morning saw may have been less, and what "
    "it sent another thing."
)
BY_THE_CLOCK = "judges by the clock, which the past has none of: not in this backtest"


@dataclass(frozen=True)
class Record:
    """One rule over the range.

    Attributes:
        rule: Which.
        series: Label sets that the marts have rows of within the range.
        years: How long all of them together, from the first row to the last of each.
        episodes: Those that fired within the range, in order of time.
        days_firing: Days of the range on which any of its series fired.
        messages: What would have been sent, to each of its receivers.
        false: Those of the episodes that no incident explains; None where nothing is known.
        per_30d: Episodes in 30 days of the range; where causes are known, false ones.
    """

    rule: Rule
    series: int
    years: float
    episodes: tuple[Episode, ...]
    days_firing: int
    messages: Messages
    false: tuple[Episode, ...] | None
    per_30d: float

    @property
    def is_above_budget(self) -> bool:
        """Whether there were more than the rule allows itself."""
        return self.per_30d > self.rule.max_false_per_30d


@dataclass(frozen=True)
class Backtest:
    """All rules over the range.

    Attributes:
        span: The range.
        records: In the order of the rule files.
        score: Against the truth; None without one.
        remarks: What to know of it.
    """

    span: Span
    records: tuple[Record, ...]
    score: Score | None
    remarks: tuple[str, ...]

    @property
    def years(self) -> float:
        """Series-years that were judged."""
        return sum(record.years for record in self.records)

    @property
    def false_per_year(self) -> float | None:
        """Episodes without a cause per series and year; None where nothing is known."""
        if self.score is None or not self.years:
            return None
        return len(self.score.false) / self.years


def backtest(
    rules: Sequence[Rule],
    warehouse: Warehouse,
    span: tuple[date, date],
    settings: Settings,
    incidents: Sequence[Incident] | None = None,
) -> Backtest:
    """What the rules would have sent from one date on until before another.

    Raises:
        ConfigurationError: The range is empty.
    """
    zone = zone_of(settings.timezone)
    wanted = Span(instant(span[0], zone), instant(span[1], zone))
    if wanted.length <= timedelta(0):
        raise ConfigurationError(f"--from {span[0]} --to {span[1]}: the range is empty")
    judged = tuple(rule for rule in rules if not _by_the_clock(rule))
    far = replace(settings, lookback=wanted.length + BEFORE)
    evaluation = evaluate(judged, warehouse, wanted.end, far)
    reader = open_reader(warehouse, wanted.end, far)
    clocks = [f"rule {rule.name} {BY_THE_CLOCK}" for rule in rules if _by_the_clock(rule)]
    found = assess(judged, evaluation, reader, wanted, incidents)
    return replace(found, remarks=(*evaluation.warnings, *clocks, LATE_ROWS))


def assess(
    rules: Sequence[Rule],
    evaluation: Evaluation,
    reader: Reader,
    span: Span,
    incidents: Sequence[Incident] | None,
) -> Backtest:
    """What the episodes of an evaluation as of the span's end are within the span."""
    by_name = {rule.name: rule for rule in rules}
    # Those that fired before and go on within the range are messages too, but no new episodes.
    fired = [one for one in evaluation.episodes if span.tells(fired_at(one, by_name[one.rule]))]
    found = None if incidents is None else score(incidents, rules, fired, span)
    records = tuple(
        _record(rule, evaluation, found, Extent.of(rule, evaluation, reader, span), span)
        for rule in rules
    )
    return Backtest(span, records, found, ())


def _by_the_clock(rule: Rule) -> bool:
    return isinstance(rule, Freshness) and rule.mart == DATA_QUALITY


@dataclass(frozen=True)
class Extent:
    """How many series of a rule there are within a span, and for how long in all."""

    series: int
    length: timedelta

    @classmethod
    def of(cls, rule: Rule, evaluation: Evaluation, reader: Reader, span: Span) -> Extent:
        """Read from the mart: from the first row to the last of each label set."""
        mart = MARTS[rule.mart]
        # A test is done on many rows together; what it is told apart by need not be a column.
        is_test = isinstance(mart.metrics[rule.metric], Judgement)
        named = ("experiment_key",) if is_test else rule.by
        where = tuple(sorted(rule.where.items()))
        measures = [("min", mart.time), ("max", mart.time)]
        lengths: dict[tuple[tuple[str, str], ...], timedelta] = {}
        for *values, first, last in reader.rows(rule.mart, named, measures, where, timed=False):
            labels = tuple(zip(named, map(str, values), strict=True))
            start = max(_moment(first, reader.zone), span.start)
            end = min(_moment(last, reader.zone) + mart.bucket, span.end)
            if end > start:
                lengths[labels] = end - start
        series = {one.labels for one in evaluation.results if one.rule == rule.name}
        series |= {one.labels for one in evaluation.episodes if one.rule == rule.name}
        judged = [tuple(pair for pair in labels if pair[0] in named) for labels in series]
        known = [lengths[labels] for labels in judged if labels in lengths]
        return cls(len(known), sum(known, timedelta(0)))


def _moment(bucket: date, zone: ZoneInfo) -> datetime:
    return bucket if isinstance(bucket, datetime) else instant(bucket, zone)


def _record(
    rule: Rule, evaluation: Evaluation, found: Score | None, extent: Extent, span: Span
) -> Record:
    every = [one for one in evaluation.episodes if one.rule == rule.name]
    fired = tuple(
        sorted(
            (one for one in every if span.tells(fired_at(one, rule))),
            key=lambda one: (fired_at(one, rule), one.labels),
        )
    )
    false = None if found is None else tuple(one for one in fired if found.is_false(one))
    counted = fired if false is None else false
    return Record(
        rule=rule,
        series=extent.series,
        years=extent.length / YEAR,
        episodes=fired,
        days_firing=len(_days_firing(every, rule, span)),
        messages=count_messages(every, rule, span),
        false=false,
        per_30d=len(counted) / (span.length / MONTH),
    )


def _days_firing(episodes: Sequence[Episode], rule: Rule, span: Span) -> set[date]:
    """The days from the bucket that fired to the last breach."""
    days: set[date] = set()
    length = max(MARTS[rule.mart].bucket, DAY)
    for episode in episodes:
        first, stop = day_of(episode.fired), day_of(episode.last) + length
        days |= {first + n * DAY for n in range((stop - first) // DAY)}
    return {day for day in days if span.start.date() <= day < span.end.date()}


def by_kind(found: Score) -> Mapping[str, tuple[int, int]]:
    """By kind of incident, how many of those that a rule watches were found, of how many."""
    counts: dict[str, tuple[int, int]] = {}
    for one in found.covered:
        caught, every = counts.get(one.incident.kind, (0, 0))
        counts[one.incident.kind] = (caught + one.is_found, every + 1)
    return counts
