"""What moved the value of an alert: read from the marts, split by `alerts.explain`.

Dimensions are the labels of the rule's mart that neither `by` nor `where` fixes, and those of
finer marts that count the same (`DETAILS`). An arm belongs to an experiment: where both labels are
free they are one dimension.

What is no sum of rows cannot be split: entropies, percentiles, streaks, tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from alerts.errors import RecwatchError
from alerts.explain import (
    Amount,
    Key,
    Split,
    Terms,
    most_telling,
    sentences,
    split_count,
    split_ratio,
)
from alerts.notify.message import SEVERITIES
from alerts.rules import Drop, ExperimentDelta, Threshold, WeekOverWeek, ZScore
from alerts.rules.marts import DAY, MARTS, WEEK, Sums
from alerts.runner.route import all_labels
from alerts.runner.timing import Earlier, timing
from alerts.warehouse.base import Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from alerts.rules import Rule
    from alerts.runner.evaluate import Result
    from alerts.runner.read import Reader
    from alerts.state.model import Transition

# Of so many alerts of one run it is said what moved them; each takes a query or three.
EXPLAINED = 20
_KINDS = (Threshold, WeekOverWeek, Drop, ZScore, ExperimentDelta)
_BLEND = "experiments.blend_weights_daily"


@dataclass(frozen=True)
class Detail:
    """A mart whose rows count the same as another's, by further labels."""

    mart: str
    labels: tuple[str, ...]


# `blend_weights_daily` knows device and type of user. It counts what responses and their events
# log, not what `engagement_daily` counts: it is heard where it saw the same change (`_agrees`).
DETAILS: dict[str, tuple[Detail, ...]] = {
    "analytics.engagement_daily": (Detail(_BLEND, ("device", "user_type")),),
    "analytics.ctr_weekly": (
        Detail("analytics.engagement_daily", ("experiment_key", "variation", "country")),
        Detail(_BLEND, ("device", "user_type")),
    ),
    "analytics.personalization_daily": (
        Detail(_BLEND, ("experiment_key", "variation", "device", "user_type")),
    ),
}


@dataclass(frozen=True)
class Why:
    """What moved a value.

    Attributes:
        lines: The change, then its largest effects, then the rest.
        note: Why there is none.
        split: The same as figures.
        against: What now was compared with.
    """

    lines: tuple[str, ...] = ()
    note: str = ""
    split: Split | None = None
    against: str = ""


@dataclass(frozen=True)
class _Source:
    """A mart to read parts from: its labels to split by, and those that are fixed."""

    mart: str
    dimensions: tuple[tuple[str, ...], ...]
    where: Mapping[str, str]
    named: str = ""


@dataclass(frozen=True)
class _Sides:
    """The rows before and now, each label values beside sums, and what before is."""

    before: Sequence[tuple[tuple[str, ...], Amount]]
    now: Sequence[tuple[tuple[str, ...], Amount]]
    against: str


def explain(
    results: Iterable[Result], rules: Mapping[str, Rule], reader: Reader, most: int = EXPLAINED
) -> dict[str, Why]:
    """What moved the value of each result, by fingerprint; of the first `most` of them.

    Never raises: what cannot be told leaves a note in its place.
    """
    found: dict[str, Why] = {}
    for place, result in enumerate(results):
        if place >= most:
            note = f"what moved it was looked for in the first {most} alerts of this run only"
            found[result.fingerprint] = Why(note=note)
            continue
        try:
            found[result.fingerprint] = explain_one(result, rules[result.rule], reader)
        except RecwatchError as error:
            text = next(iter(str(error).splitlines()), "")
            found[result.fingerprint] = Why(note=f"what moved it is not known: {text}")
        except Exception as error:  # noqa: BLE001 - an alert must not be lost over its explanation
            # The text of an error we do not know may hold anything.
            note = f"what moved it is not known ({type(error).__name__})"
            found[result.fingerprint] = Why(note=note)
    return found


def newly_firing(transitions: Iterable[Transition], results: Iterable[Result]) -> list[Result]:
    """The results of what begins to fire and is told, the gravest first: those to explain."""
    begun = {
        one.fingerprint
        for one in transitions
        if one.kind == "firing" and one.told and one.because != "passed"
    }
    found = [one for one in results if one.fingerprint in begun]
    return sorted(found, key=lambda one: (-SEVERITIES.index(one.severity), one.rule, one.labels))


def explain_one(result: Result, rule: Rule, reader: Reader) -> Why:
    """What moved the value of a result; without lines where there is nothing to split by."""
    metric = MARTS[rule.mart].metrics[rule.metric]
    if not isinstance(metric, Sums) or not isinstance(rule, _KINDS) or result.bucket is None:
        return Why()
    sources = list(_sources(rule, result, metric))
    own = sources[0]
    if not any(source.dimensions for source in sources):
        return Why()
    sides = _read(own, result, rule, metric, reader)
    if sides is None:
        return Why(note="what moved it is not known: nothing earlier to compare with")
    whole = _split(sides, (), (), metric)
    if whole is None:
        return Why()
    splits = [(_split(sides, _labels(own), names, metric), own) for names in own.dimensions]
    for source in sources[1:]:
        finer = _read(source, result, rule, metric, reader)
        total = None if finer is None else _split(finer, (), (), metric)
        if finer is not None and total is not None and _agrees(total, whole):
            labels = _labels(source)
            splits += [(_split(finer, labels, one, metric), source) for one in source.dimensions]
    known = [(split, source) for split, source in splits if split is not None]
    best = most_telling([split for split, _ in known])
    if best is None:
        return Why(against=sides.against)
    where = next(source.named for split, source in known if split is best)
    terms = Terms(
        _level_name(rule, metric),
        metric.unit,
        metric.denominator,
        sides.against,
        where,
    )
    return Why(sentences(best, terms), split=best, against=sides.against)


def _sources(rule: Rule, result: Result, metric: Sums) -> Iterable[_Source]:
    """The rule's own mart, then finer ones that have the metric and the labels that are fixed."""
    fixed = all_labels(rule, result.labels)
    free = [name for name in MARTS[rule.mart].labels if name not in fixed]
    yield _Source(rule.mart, _dimensions(free), fixed)
    if isinstance(rule, ExperimentDelta):
        return
    for detail in DETAILS.get(rule.mart, ()):
        mart = MARTS[detail.mart]
        columns = {name for one in mart.metrics.values() for name in one.columns}
        if columns.issuperset(metric.columns) and set(fixed) <= set(mart.labels):
            free = [name for name in detail.labels if name not in fixed]
            yield _Source(detail.mart, _dimensions(free), fixed, detail.mart.partition(".")[2])


def _dimensions(free: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        ("experiment_key", name) if name == "variation" and "experiment_key" in free else (name,)
        for name in free
    )


def _labels(source: _Source) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in source.dimensions for name in names))


def _read(
    source: _Source, result: Result, rule: Rule, metric: Sums, reader: Reader
) -> _Sides | None:
    """Both sides of the comparison; None where there is nothing to compare with."""
    if result.bucket is None:
        return None
    times = timing(rule, result.since or result.bucket, result.bucket)
    if isinstance(rule, ExperimentDelta):
        return _read_arms(source, result, times.now, metric, reader)
    stretches = [
        _finer(one, rule, source) for one in (times.now, *(e.buckets for e in times.earlier))
    ]
    rows = _rows(source, source.where, metric, reader, [d for one in stretches for d in one])
    now = _within(rows, stretches[0])
    for earlier, buckets in zip(times.earlier, stretches[1:], strict=True):
        before = _within(rows, buckets)
        if _enough(before, buckets):
            return _sides(before, now, earlier, metric)
    return None


def _read_arms(
    source: _Source, result: Result, now: Sequence[date], metric: Sums, reader: Reader
) -> _Sides | None:
    """The control arm as before, the treatment arm as now, over the same buckets."""
    plan = reader.plans().get(source.where.get("experiment_key", ""))
    if plan is None or plan.control is None or result.bucket is None:
        return None
    control = {**source.where, "variation": plan.control}
    arms = [_rows(source, where, metric, reader, now) for where in (control, source.where)]
    before, after = (_within(rows, now) for rows in arms)
    since = f"since {now[0]} " if len(now) > 1 else ""
    return _sides(before, after, Earlier(f"{since}against control", tuple(now)), metric)


_Row = tuple["date", tuple[str, ...], Amount]


def _rows(
    source: _Source,
    where: Mapping[str, str],
    metric: Sums,
    reader: Reader,
    buckets: Sequence[date],
) -> list[_Row]:
    """The sums by bucket and label values, between the first and the last bucket."""
    mart, names = MARTS[source.mart], _labels(source)
    columns = tuple(dict.fromkeys(part for one in metric.columns for part in mart.read(one)))
    span = [(mart.time, ">=", min(buckets)), (mart.time, "<=", max(buckets))]
    rows = reader.warehouse.aggregate(
        Relation.parse(source.mart, reader.prefix),
        [mart.time, *names],
        [("sum", column) for column in columns],
        [*span, *((name, "=", value) for name, value in where.items())],
    )

    def total(row: tuple[Any, ...], column: str) -> Fraction:
        values = (row[1 + len(names) + columns.index(part)] for part in mart.read(column))
        return sum((_exact(value) for value in values), Fraction(0))

    return [
        (
            row[0],
            tuple(map(str, row[1 : 1 + len(names)])),
            Amount(*(total(row, c) for c in metric.columns)),
        )
        for row in rows
    ]


def _exact(value: Any) -> Fraction:
    """The shortest digits of a float are those of the mart's decimal; a null adds nothing."""
    return Fraction(0) if value is None else Fraction(str(value))


def _finer(buckets: Sequence[date], rule: Rule, source: _Source) -> tuple[date, ...]:
    """The same time in the buckets of the source: the days of a week."""
    if MARTS[rule.mart].bucket == WEEK and MARTS[source.mart].bucket == DAY:
        return tuple(bucket + n * DAY for bucket in buckets for n in range(7))
    return tuple(buckets)


def _within(rows: Iterable[_Row], buckets: Iterable[date]) -> list[_Row]:
    wanted = set(buckets)
    return [row for row in rows if row[0] in wanted]


def _enough(rows: Iterable[_Row], buckets: Sequence[date]) -> bool:
    """Whether half of the buckets have rows."""
    return 2 * len({row[0] for row in rows}) >= len(set(buckets))


def _sides(
    before: Sequence[_Row], now: Sequence[_Row], earlier: Earlier, metric: Sums
) -> _Sides | None:
    """A ratio pools its buckets; of a count it is the mean over those that have rows."""
    if not before or not now:
        return None
    sides = []
    for rows in (before, now):
        count = len({row[0] for row in rows}) if metric.denominator is None else 1
        sides.append([(labels, _divided(amount, count)) for _, labels, amount in rows])
    return _Sides(sides[0], sides[1], earlier.text)


def _divided(amount: Amount, count: int) -> Amount:
    return Amount(amount.numerator / count, amount.denominator / count)


def _split(
    sides: _Sides, labels: Sequence[str], names: Sequence[str], metric: Sums
) -> Split | None:
    """The change by one dimension."""
    places = [labels.index(name) for name in names]

    def summed(rows: Iterable[tuple[tuple[str, ...], Amount]]) -> dict[Key, Amount]:
        found: dict[Key, Amount] = {}
        for values, amount in rows:
            key = tuple((name, values[at]) for name, at in zip(names, places, strict=True))
            old = found.get(key, Amount(Fraction(0)))
            found[key] = Amount(*(one + other for one, other in zip(old, amount, strict=True)))
        return found

    before, now = summed(sides.before), summed(sides.now)
    return split_count(before, now) if metric.denominator is None else split_ratio(before, now)


def _agrees(finer: Split, whole: Split) -> bool:
    """Whether another log saw the same change: in the same direction, half of it at least."""
    return finer.change * whole.change > 0 and 2 * abs(finer.change) >= abs(whole.change)


def _level_name(rule: Rule, metric: Sums) -> str:
    """The name of what changes: `ctr`, not `wow_change`."""
    level = replace(metric, change=None)
    named = (name for name, one in MARTS[rule.mart].metrics.items() if one == level)
    return next(named, rule.metric)
