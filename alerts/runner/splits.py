"""The users of experiments by arm, for every day: do the arms hold what the weights promise?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors import srm
from alerts.detectors.sentences import Wording
from alerts.detectors.srm import Split
from alerts.runner.subjects import Found, Subject, limit_of
from alerts.runner.trials import lacking_experiments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alerts.rules import Srm
    from alerts.runner.read import Reader
    from alerts.runner.trials import Begun


def judge_srm(rule: Srm, reader: Reader, experiments: Sequence[Begun]) -> Found:
    """The split of every experiment that has begun."""
    users = f"{rule.counts}_users"
    by = ("experiment_key", "weight_period", "variation")
    measures = [("sum", users), ("sum", "expected_weight")]
    days: dict[str, dict[date, dict[int, dict[str, tuple[int, float]]]]] = {}
    for day, key, period, arm, seen, weight in reader.rows(
        rule.mart, by, measures, tuple(rule.where.items())
    ):
        periods = days.setdefault(str(key), {}).setdefault(day, {})
        periods.setdefault(int(period), {})[str(arm)] = (int(seen or 0), float(weight or 0))
    limit = limit_of(rule, rule.when.bound or 0.0)
    wording = Wording(rule.metric, "number", None, "users")
    subjects = []
    for begun in experiments:
        key = begun.plan.experiment_key
        points = {day: _split(periods, rule) for day, periods in days.get(key, {}).items()}
        one = begun.series((("experiment_key", key),), points)
        subjects.append(Subject(one.labels, limit, srm.judge(one, limit), wording, begun.is_over))
    return Found(tuple(subjects), lacking_experiments(subjects, rule, reader))


def _split(periods: Mapping[int, Mapping[str, tuple[int, float]]], rule: Srm) -> Split:
    by_period = [dict(sorted(periods[period].items())) for period in sorted(periods)]
    return Split(by_period, rule.counts)
