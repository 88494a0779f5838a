"""How often each rule would fire though nothing happens, from the marts' own traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from alerts.detectors import Point, Zeros, noise
from alerts.detectors.noise import Level, Sureness
from alerts.errors import WarehouseError
from alerts.rules import (
    Drop,
    ExperimentDelta,
    ExperimentGuardrail,
    Freshness,
    Quarantine,
    Srm,
    Streak,
    Threshold,
    WeekOverWeek,
    ZScore,
)
from alerts.rules.marts import DAY, MARTS, WEEK
from alerts.rules.time_semantics import is_share
from alerts.runner.evaluate import DEFAULTS, Settings, keep_of, needed_of, open_reader, within_of
from alerts.runner.refused import refused
from alerts.runner.subjects import bound_of, limit_of, running, setting_of
from alerts.runner.trials import arms, begun_experiments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.detectors import Labels, Limit, Series
    from alerts.detectors.noise import Chance
    from alerts.rules import Rule
    from alerts.runner.read import Reader
    from alerts.warehouse import Warehouse

MONTH = timedelta(days=30)
# What srm and guardrail promise of an experiment, at all looks together.
_AT_MOST = 0.01
# A series that breaches more often than this does so because it is where it is.
_USUAL = 0.9


@dataclass(frozen=True)
class Prediction:
    """What to expect of one rule on one label set.

    Attributes:
        labels: Which.
        false_per_30d: Episodes; None where there is no saying.
        level: The value of a usual bucket.
        count: What a usual bucket rests on.
        dispersion: Of a share, the design effect that the series shows; else None.
        note: Why there is no saying, or what the figure is.
    """

    labels: Labels
    false_per_30d: float | None
    level: float | None = None
    count: float | None = None
    dispersion: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Expected:
    """What to expect of one rule: its series, and all of them together.

    `note` says why there is nothing to say of the rule.
    """

    rule: Rule
    series: tuple[Prediction, ...]
    note: str = ""

    @property
    def false_per_30d(self) -> float | None:
        """Episodes of all series; None where nothing can be said of any."""
        known = [one.false_per_30d for one in self.series if one.false_per_30d is not None]
        return sum(known) if known else None

    @property
    def is_noisy(self) -> bool:
        """Whether that is more than the rule's `max_false_per_30d`."""
        return (self.false_per_30d or 0.0) > self.rule.max_false_per_30d


def predict(
    rules: Sequence[Rule], warehouse: Warehouse, settings: Settings = DEFAULTS
) -> list[Expected]:
    """False episodes of every rule on every label set, by 30 days of data time.

    Raises:
        WarehouseError: The warehouse does not answer. A mart that cannot be read is a note.
    """
    reader = open_reader(warehouse, settings=settings)
    found = []
    with warehouse.snapshot(reader.relations(rules)):
        reader.expect(rules)
        for rule in rules:
            try:
                series = tuple(_predicted(rule, reader))
            except WarehouseError as error:
                reader.check_alive()
                found.append(Expected(rule, (), str(error)))
                continue
            found.append(Expected(rule, series, "" if series else _silent(rule)))
    return found


def _silent(rule: Rule) -> str:
    if isinstance(rule, Freshness):
        return "what is not there is not a matter of chance"
    return f"{rule.mart} has nothing to judge"


def _predicted(rule: Rule, reader: Reader) -> Iterator[Prediction]:
    match rule:
        case Freshness():
            return
        case Srm() | ExperimentGuardrail():
            yield from _promised(rule, reader)
        case ExperimentDelta():
            yield from _deltas(rule, reader)
        case Quarantine():
            for one in refused(rule, reader):
                yield _single(rule, one, reader)
        case _:
            for one, is_over in running(rule, reader.series(rule), reader):
                if not is_over:
                    yield _single(rule, one, reader)


def _promised(rule: Srm | ExperimentGuardrail, reader: Reader) -> Iterator[Prediction]:
    """What the tests promise of every experiment that runs."""
    for begun in begun_experiments(rule, reader):
        if not begun.is_over:
            labels = (("experiment_key", begun.plan.experiment_key),)
            note = "at most, in all its time: what the test promises"
            yield Prediction(labels, _AT_MOST, note=note)


def _deltas(rule: ExperimentDelta, reader: Reader) -> Iterator[Prediction]:
    """Every treatment arm of an experiment that runs."""
    window = reader.window(rule.mart)
    if window is None:
        return
    for pair in arms(rule, reader.series(rule), reader, {}):
        if not pair.span.is_over(window.last):
            yield _delta(rule, pair.treatment, pair.control, reader)


def _single(rule: Rule, one: Series, reader: Reader) -> Prediction:
    """A rule that reads one series for each label set."""
    bound = bound_of(rule, one.labels, reader)
    if bound is None:
        return Prediction(one.labels, None, note="no bound for it")
    limit = limit_of(rule, bound)
    if isinstance(rule, Streak):
        return _streak(rule, one, limit)
    metric = MARTS[rule.mart].metrics[rule.metric]
    share = is_share(metric) or isinstance(rule, Quarantine)
    level = noise.level_of(one.points, limit, is_share=share)
    if level is None:
        return Prediction(one.labels, None, note="too few buckets to tell its level")
    return _of(rule, one, level, _chances(rule, level, limit), sides=_sides(rule))


def _sides(rule: Rule) -> int:
    return 2 if isinstance(rule, ZScore) else 1


def _chances(rule: Rule, level: Level, limit: Limit) -> list[Chance | None]:
    """The chance of each bucket to breach, by the rule's kind."""
    mart = MARTS[rule.mart]
    match rule:
        case Drop():
            return noise.drop(level, limit, rule.baseline // mart.bucket)
        case ZScore():
            setting = setting_of(rule, limit)
            by_weekday = setting.days >= WEEK // DAY * setting.weeks
            floored = setting.shares and setting.design_effect is None
            return noise.zscore(
                level, limit.bound, setting.days, by_weekday=by_weekday, floored=floored
            )
        case WeekOverWeek():
            behind = WEEK // mart.bucket
            pairs = [
                None if now is None or place < behind else _pair(now, level.counts[place - behind])
                for place, now in enumerate(level.counts)
            ]
            relative = mart.metrics[rule.metric].change == "relative"
            return noise.change(level, pairs, limit, relative=relative)
        case Threshold(confidence=float(confidence)):
            effect = rule.design_effect or level.dispersion
            return noise.threshold(level, limit, Sureness(confidence, effect))
        case _:
            return noise.threshold(level, limit)


def _pair(now: float, before: float | None) -> tuple[float, float] | None:
    return None if before is None else (now, before)


def _delta(
    rule: ExperimentDelta, one: Series, control: Sequence[Any], reader: Reader
) -> Prediction:
    """Both arms at the level of control, each on its own traffic."""
    limit = limit_of(rule, bound_of(rule, one.labels, reader) or 0.0)
    metric = MARTS[rule.mart].metrics[rule.metric]
    level = noise.level_of(control, limit, is_share=is_share(metric))
    if level is None:
        return Prediction(one.labels, None, note="too few buckets to tell the level of control")
    pairs = [
        (float(now.denominator or 0), behind)
        if isinstance(now, Point) and now.denominator and limit.enough(now) and behind is not None
        else None
        for now, behind in zip(one.points, level.counts, strict=True)
    ]
    sureness = Sureness(rule.confidence, rule.design_effect) if rule.confidence else None
    return _of(rule, one, level, noise.change(level, pairs, limit, sureness=sureness))


def _streak(rule: Streak, one: Series, limit: Limit) -> Prediction:
    days = [point for point in one.points if isinstance(point, Zeros) and limit.enough(point)]
    requests = sum(day.requests for day in days)
    if not requests > 0:
        return Prediction(one.labels, None, note="no requests")
    rate = sum(day.zeros for day in days) / requests
    expected = noise.streak(requests, rate, limit.bound) * _months(rule, one)
    return Prediction(one.labels, expected, rate, requests / len(days))


def _of(
    rule: Rule, one: Series, level: Level, chances: Sequence[Chance | None], *, sides: int = 1
) -> Prediction:
    """From chances to episodes of 30 days."""
    known = [float(np.mean(chance)) for chance in chances if chance is not None]
    note = ""
    if known and fmean(known) > _USUAL:
        note = "it lies beyond the bound as a rule: what fires is no chance"
    fired = sides * noise.episodes(
        chances, needed_of(rule), keep=keep_of(rule), within=within_of(rule)
    )
    return Prediction(
        one.labels,
        None if note else fired * _months(rule, one),
        level.value,
        level.typical,
        level.dispersion if level.is_share else None,
        note,
    )


def _months(rule: Rule, one: Series) -> float:
    """What turns episodes of the series into those of 30 days."""
    return MONTH / (len(one.buckets) * MARTS[rule.mart].bucket)
