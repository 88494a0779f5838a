"""Rules against marts: what holds now, and every episode of the past. Nothing is sent here."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.detectors import Run, Standing, runs, standing
from alerts.detectors.sentences import describe, shown
from alerts.errors import ConfigurationError, MissingRelationError, WarehouseError
from alerts.rules import ExperimentDelta, ExperimentGuardrail, Freshness, Quarantine, Srm
from alerts.rules.marts import MARTS
from alerts.runner.newest import judge_freshness
from alerts.runner.read import Reader
from alerts.runner.refused import judge_quarantine
from alerts.runner.subjects import Found, Subject, judge
from alerts.runner.trials import begun_experiments, judge_delta, lacking_experiments
from alerts.runner.window import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from alerts.detectors import Labels, State
    from alerts.experiments.guardrail_file import GuardrailFile
    from alerts.rules import Rule
    from alerts.rules.model import Severity
    from alerts.warehouse import Warehouse


# How many values a result carries for its chart.
RECENT = 28
_UNKNOWN = frozenset({"no_data", "invalid", "too_few"})


@dataclass(frozen=True)
class Settings:
    """Where the marts lie, how their days are cut, and how far back to read.

    `prefix` stands before the schema names, `timezone` is the var `reporting_timezone`. Without a
    `lookback` each mart is read as far back as its own `history` reaches. Rules of kind guardrail
    judge by `guardrails`, without it by the shipped file.
    """

    prefix: str = ""
    timezone: str = "UTC"
    lookback: timedelta | None = None
    guardrails: GuardrailFile | None = None


DEFAULTS = Settings()


@dataclass(frozen=True)
class Result:
    """What one rule says of one label set at its newest complete bucket.

    `since` is the first bucket of the breaches where the state is firing, pending or recovering,
    the first of the trailing buckets that could not be judged for no_data, invalid and too_few,
    None for ok. `until` is the end of the bucket: the `--as-of` that gives this result again.

    In the state error the rule could not be asked, `reason` says why: it stands for the whole rule,
    without labels, without a bucket, and with a threshold that is NaN.
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
    # What `baseline` is: an earlier time, or the control arm.
    beside: str = "before"
    # The values that were judged, oldest first, `bucket` last; None where there was none.
    recent: tuple[float | None, ...] = ()
    # The first bucket that was judged: episodes before it are out of sight, not undone.
    begins: date | None = None


@dataclass(frozen=True)
class Episode:
    """A run of breaches long enough to fire. `first`, `fired` and `last` are bucket starts.

    `open` says that it has not ended: no bucket, or fewer than `keep_firing_for` wants, has been
    fine since `last`, nor has an experiment ended. `ended` is the bucket that ended it.
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
    ended: date | None = None


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
    now: datetime | None = None,
) -> Evaluation:
    """Judge every rule on every label set, all of them on the same state of the marts.

    Args:
        rules: What to judge.
        warehouse: Where the marts are.
        as_of: A date of the reporting time zone, or a moment. It takes the place of the marts' own
            newest data: buckets that end at or before it are complete, later ones are not seen.
        settings: Where and how.
        now: The time of the evaluation, for the age of loads, and for nothing else. `as_of` takes
            its place too; without both that age is not judged.

    Raises:
        ConfigurationError: No such time zone; a reference table without the column of a rule.
        WarehouseError: The warehouse does not answer, or has none of the relations. What concerns
            one mart is the state error of the rules on it.
    """
    reader = open_reader(warehouse, as_of, settings)
    with warehouse.snapshot(reader.relations(rules)):
        return _evaluated(rules, reader, now, settings.guardrails)


def _evaluated(
    rules: Sequence[Rule],
    reader: Reader,
    now: datetime | None,
    guardrails: GuardrailFile | None,
) -> Evaluation:
    reader.expect(rules)
    results: list[Result] = []
    episodes: list[Episode] = []
    warnings: list[str] = []
    lacking: dict[str, list[str]] = {}
    failed: list[WarehouseError] = []
    for rule in rules:
        try:
            found = _found(rule, reader, now, guardrails)
        except WarehouseError as error:
            # One mart, or all that there is?
            reader.check_alive()
            failed.append(error)
            results.append(_error(rule, error))
            continue
        warnings.extend(found.warnings)
        if found.lacking:
            lacking.setdefault(f"{rule.mart} has no {found.lacking}", []).append(rule.name)
        for subject in found.subjects:
            one = _Judged.of(rule, subject)
            if not subject.is_over:
                results.append(one.result())
            episodes.extend(one.episodes())
    if failed and len(failed) == len(rules) and all(map(_is_missing, failed)):
        raise failed[0]
    # By mart and not by rule: whoever has no decision traces would else read as many lines at
    # every run as there are rules on them.
    empty = [f"{text}, so not judged: {', '.join(names)}" for text, names in lacking.items()]
    judged = {result.rule for result in results}
    unjudged = tuple(rule.name for rule in rules if rule.name not in judged)
    return Evaluation(reader.as_of, tuple(results), tuple(episodes), (*empty, *warnings), unjudged)


def open_reader(
    warehouse: Warehouse, as_of: date | None = None, settings: Settings = DEFAULTS
) -> Reader:
    """What an evaluation reads the marts with; `as_of` is a date of the zone, or a moment.

    Raises:
        ConfigurationError: No such time zone.
    """
    zone = zone_of(settings.timezone)
    moment = None if as_of is None else instant(as_of, zone)
    return Reader(warehouse, zone, moment, settings.prefix, settings.lookback)


def zone_of(name: str) -> ZoneInfo:
    """The reporting time zone; an error where there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"no time zone {name!r}: take a name such as UTC") from None


def fingerprint(rule: str, labels: Labels) -> str:
    """What identifies an alert: its rule and labels, never its value or threshold."""
    identity = json.dumps([rule, sorted(labels)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()


def _is_missing(error: WarehouseError) -> bool:
    return isinstance(error, MissingRelationError)


def _error(rule: Rule, error: WarehouseError) -> Result:
    """The result of a rule that could not be asked."""
    return Result(
        rule=rule.name,
        labels=(),
        state="error",
        severity=rule.severity,
        bucket=None,
        since=None,
        value=None,
        threshold=math.nan,
        numerator=None,
        denominator=None,
        reason=str(error),
        fingerprint=fingerprint(rule.name, ()),
        until=None,
        unit="number",
        over="",
    )


def _found(
    rule: Rule, reader: Reader, now: datetime | None, guardrails: GuardrailFile | None
) -> Found:
    """What a rule has to judge, by its kind; a new kind of many series is one more case here."""
    match rule:
        case Srm() | ExperimentGuardrail():
            return _tested(rule, reader, guardrails)
        case ExperimentDelta():
            return judge_delta(rule, reader)
        case Freshness():
            return judge_freshness(rule, reader, now)
        case Quarantine():
            return judge_quarantine(rule, reader)
        case _:
            return judge(rule, reader)


def _tested(
    rule: Srm | ExperimentGuardrail, reader: Reader, guardrails: GuardrailFile | None
) -> Found:
    experiments = begun_experiments(rule, reader)
    if not experiments:
        return Found((), lacking_experiments((), rule, reader))
    # scipy takes a while to be imported: only who has experiments waits for it.
    from alerts.experiments.guardrail_file import load_guardrails  # noqa: PLC0415
    from alerts.runner.harm import judge_guardrails  # noqa: PLC0415
    from alerts.runner.splits import judge_srm  # noqa: PLC0415

    if isinstance(rule, Srm):
        return judge_srm(rule, reader, experiments)
    return judge_guardrails(rule, reader, experiments, guardrails or load_guardrails())


@dataclass(frozen=True)
class _Judged:
    """One rule on one label set, judged."""

    rule: Rule
    subject: Subject
    standing: Standing
    runs: Sequence[Run]

    @classmethod
    def of(cls, rule: Rule, subject: Subject) -> _Judged:
        """From verdicts to what holds."""
        verdicts = subject.verdicts
        found = runs(verdicts, needed_of(rule), subject.limit, within_of(rule), keep_of(rule))
        return cls(rule, subject, standing(verdicts, found), found)

    def result(self) -> Result:
        mart = MARTS[self.rule.mart]
        length = timedelta(0) if self.subject.is_moment else mart.bucket + mart.settles
        wording = self.subject.wording
        verdict = self.standing.verdict
        point = verdict.point if verdict else None
        return Result(
            rule=self.rule.name,
            labels=self.subject.labels,
            state=self.standing.state,
            severity=self.rule.severity,
            bucket=verdict.bucket if verdict else None,
            since=self.standing.since,
            value=verdict.value if verdict else None,
            threshold=self.subject.limit.bound,
            numerator=point.numerator if point else None,
            denominator=point.denominator if point else None,
            reason=self._reason(),
            fingerprint=fingerprint(self.rule.name, self.subject.labels),
            until=verdict.bucket + length if verdict else None,
            unit=wording.unit,
            over=wording.denominator or "",
            baseline=verdict.before if verdict else None,
            current=point.value if point else None,
            compared=wording.compared.unit if wording.compared else None,
            beside=wording.compared.beside if wording.compared else "before",
            recent=tuple(one.value for one in self.subject.verdicts[-RECENT:]),
            begins=self.subject.verdicts[0].bucket if self.subject.verdicts else None,
        )

    def episodes(self) -> Iterator[Episode]:
        for run in self.runs:
            if run.fired is not None:
                yield Episode(
                    rule=self.rule.name,
                    labels=self.subject.labels,
                    fingerprint=fingerprint(self.rule.name, self.subject.labels),
                    severity=self.rule.severity,
                    first=run.first,
                    fired=run.fired,
                    last=run.last,
                    breaches=run.breaches,
                    worst=run.worst,
                    threshold=self.subject.limit.bound,
                    open=run.open and not self.subject.is_over,
                    ended=run.ended,
                )

    def _reason(self) -> str:
        text = describe(self.standing.verdict, self.subject.limit, self.subject.wording)
        run = self.standing.run
        if self.standing.state == "pending" and run is not None:
            return f"{text}; {run.breaches} of {needed_of(self.rule)} buckets"
        if self.standing.state == "recovering" and run is not None:
            return f"{text}; fine for {run.fine} of {keep_of(self.rule)} buckets"
        if self.standing.state in _UNKNOWN and run is not None and run.fired:
            first, last = shown(run.first), shown(run.last)
            return f"{text}; it fired from {first} to {last} and is not known to have ended"
        return text


def needed_of(rule: Rule) -> int:
    """How many breaches fire."""
    return 1 if rule.hold is None else rule.hold // MARTS[rule.mart].bucket


def keep_of(rule: Rule) -> int:
    """How many fine buckets end what fires."""
    kept = rule.keep_firing_for
    return 1 if kept is None else max(1, kept // MARTS[rule.mart].bucket)


def within_of(rule: Rule) -> int | None:
    """How many buckets a breach counts for: of short ones twice as many as must breach."""
    return None if MARTS[rule.mart].in_days else 2 * needed_of(rule)
