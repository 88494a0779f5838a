"""The guardrails of experiments, read for every day: is harm by a treatment arm certain?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alerts.detectors import guardrail
from alerts.detectors.guardrail import Guarded, Pair, Sums
from alerts.detectors.sentences import Compared, Wording
from alerts.detectors.series import Limit
from alerts.experiments.comparisons import MINIMUM_USERS
from alerts.experiments.evidence import PERIOD
from alerts.experiments.guardrails import Guardrail, Watch
from alerts.experiments.guards import guards
from alerts.experiments.horizon import TUNING_USERS
from alerts.experiments.results import Refusal
from alerts.rules.experiment_marts import MOMENTS_MART, SRM_MART
from alerts.runner.subjects import Found, Subject
from alerts.runner.trials import lacking_experiments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alerts.detectors import Labels
    from alerts.experiments.evidence import Plan
    from alerts.experiments.guardrail_file import GuardrailFile
    from alerts.experiments.guards import Guard
    from alerts.rules import ExperimentGuardrail
    from alerts.runner.read import Reader
    from alerts.runner.trials import Begun

_SUMS = Sums._fields
# Of one experiment and metric: day, then weight period, then arm.
Days = dict["date", dict[int, dict[str, Sums]]]


def judge_guardrails(
    rule: ExperimentGuardrail, reader: Reader, experiments: Sequence[Begun], file: GuardrailFile
) -> Found:
    """Every guardrail of every experiment that has begun, in each treatment arm.

    What cannot be judged of an experiment on any day, such as a quantile without a threshold, is
    no series: a warning names the guardrail, why, and its experiments.
    """
    wanted = tuple((name, rule.where[name]) for name in ("experiment_key",) if name in rule.where)
    weights = _read_weights(reader, wanted)
    moments = _Moments(reader, wanted)
    refused: dict[str, list[str]] = defaultdict(list)
    subjects: list[Subject] = []
    for begun in experiments:
        key = begun.plan.experiment_key
        trial = _Trial(begun, weights.get(key, {}))
        found = guards(begun.plan, file.settings(key))
        for why in trial.obstacles(found):
            refused[why].append(key)
        for labels, guard, about in trial.watched(found):
            if all(rule.where.get(name, value) == value for name, value in labels):
                points = trial.pairs(about, moments.of(guard.metric).get(key, {}))
                subjects.append(_subject(begun, labels, about, points))
    warnings = tuple(
        f"rule {rule.name}: {why}; not judged: {', '.join(keys)}"
        for why, keys in sorted(refused.items())
    )
    return Found(tuple(subjects), lacking_experiments(subjects, rule, reader), warnings)


@dataclass(frozen=True)
class _Period:
    """A weight period: its first day, and the weight of each arm."""

    first: date
    weights: Mapping[str, float]


@dataclass
class _Trial:
    """An experiment with its weight periods."""

    begun: Begun
    periods: Mapping[int, _Period]
    arms: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Which arms are compared with control: those with a weight in the last period."""
        control, weights = self.begun.plan.control, self._weights()
        named = sorted(arm for arm, weight in weights.items() if weight and arm != control)
        self.arms = tuple(named) if control is not None and weights.get(control) else ()

    def obstacles(self, found: tuple[Guard, ...]) -> Iterator[str]:
        """Why guardrails cannot be judged on any day."""
        if self.begun.plan.control is None:
            yield "not exactly one arm is marked is_control"
        elif self.periods and not self.arms:
            yield "control, or every other arm, has no weight"
        for guard in found:
            if isinstance(guard.rule, Refusal):
                yield f"guardrail {guard.name}: {guard.rule.reason}"

    def watched(self, found: tuple[Guard, ...]) -> Iterator[tuple[Labels, Guard, Guarded]]:
        """Each guardrail in each treatment arm; 0.01 is divided by how many there are."""
        sound = [(guard, guard.rule) for guard in found if isinstance(guard.rule, Guardrail)]
        for guard, rule in sound:
            for arm in self.arms:
                watch = Watch(len(sound) * len(self.arms), self._horizon(arm), MINIMUM_USERS)
                about = _guarded(self.begun.plan, guard, rule, arm, watch)
                key = self.begun.plan.experiment_key
                names = ("experiment_key", "guardrail", "variation")
                yield tuple(zip(names, (key, guard.name, arm), strict=True)), guard, about

    def pairs(self, about: Guarded, days: Days) -> dict[date, Pair]:
        """Both arms on each day, of the users assigned since the last change of weights."""
        points: dict[date, Pair] = {}
        for day, by_period in days.items():
            begun = [one for one, period in self.periods.items() if period.first <= day]
            by_arm = by_period.get(max(begun, default=0), {})
            if by_arm:
                points[day] = Pair(about, by_arm.get(about.control), by_arm.get(about.treatment))
        return points

    def _weights(self) -> Mapping[str, float]:
        return self.periods[max(self.periods)].weights if self.periods else {}

    def _horizon(self, arm: str) -> int:
        """The planned users of control and one treatment, for which the sequence is tuned."""
        weights, plan = self._weights(), self.begun.plan
        both = weights.get(arm, 0.0) + weights.get(plan.control or "", 0.0)
        return max(1, round((plan.horizon_users or TUNING_USERS) * (both or 1.0)))


def _guarded(plan: Plan, guard: Guard, rule: Guardrail, arm: str, watch: Watch) -> Guarded:
    metric = plan.metric(guard.metric)
    return Guarded(
        guardrail=rule,
        metric=guard.metric,
        kind="ratio" if metric is None else metric.test_kind,
        is_share=metric is not None and metric.kind == "proportion",
        scale=1.0 if metric is None else metric.scale,
        control=plan.control or "",
        treatment=arm,
        watch=watch,
        note=guard.note,
    )


def _subject(begun: Begun, labels: Labels, about: Guarded, points: Mapping[date, Pair]) -> Subject:
    one = begun.series(labels, points)
    unit = "points" if about.is_share else "number"
    level = "share" if about.is_share else "number"
    compared = Compared(
        level, change="excess", when="in the control arm", joint="against", beside="control"
    )
    wording = Wording("excess", unit, None, "users", compared=compared)
    return Subject(labels, Limit(">", 0.0), guardrail.judge(one), wording, begun.is_over)


def _read_weights(
    reader: Reader, where: tuple[tuple[str, str], ...]
) -> dict[str, dict[int, _Period]]:
    """The weight periods of each experiment."""
    found: dict[str, dict[int, tuple[date, dict[str, float]]]] = {}
    by = ("experiment_key", "weight_period", "variation")
    measures = (("min", "day"), ("max", "expected_weight"))
    for key, number, arm, first, weight in reader.rows(SRM_MART, by, measures, where, timed=False):
        periods = found.setdefault(str(key), {})
        since, weights = periods.setdefault(int(number), (first, {}))
        weights[str(arm)] = float(weight or 0)
        periods[int(number)] = (min(since, first), weights)
    return {
        key: {number: _Period(*period) for number, period in periods.items()}
        for key, periods in found.items()
    }


class _Moments:
    """The moments of each metric that is asked for: one query each, of the rows that decide."""

    def __init__(self, reader: Reader, where: tuple[tuple[str, str], ...]) -> None:
        self._reader = reader
        self._where = where
        self._read: dict[str, dict[str, Days]] = {}

    def of(self, metric: str) -> dict[str, Days]:
        """By experiment."""
        if metric not in self._read:
            found: dict[str, Days] = {}
            where = (*self._where, ("metric", metric), ("segment_type", PERIOD))
            rows = self._reader.rows(
                MOMENTS_MART,
                ("experiment_key", "segment", "variation"),
                [("sum", name) for name in _SUMS],
                where,
            )
            for day, key, period, arm, users, *sums in rows:
                if users is not None and None not in sums:
                    by_period = found.setdefault(str(key), {}).setdefault(day, {})
                    by_period.setdefault(int(period), {})[str(arm)] = Sums(int(users), *sums)
            self._read[metric] = found
        return self._read[metric]
