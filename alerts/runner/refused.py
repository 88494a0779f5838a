"""The share of rows that were refused, of each raw table on each day on which it was loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors import Point, Series, threshold
from alerts.rules.marts import MARTS, Pivot
from alerts.runner.subjects import Found, Subject, bound_of, limit_of, wording_of

if TYPE_CHECKING:
    from datetime import date

    from alerts.rules import Quarantine
    from alerts.runner.read import Reader


def judge_quarantine(rule: Quarantine, reader: Reader) -> Found:
    """Every raw table with rows; days without a load are none of its series."""
    limit = limit_of(rule, bound_of(rule, (), reader) or 0.0)
    wording = wording_of(rule)
    subjects = tuple(
        Subject(one.labels, limit, threshold.judge(one, limit), wording)
        for one in refused(rule, reader)
    )
    if reader.window(rule.mart) is None:
        return Found((), "complete bucket")
    return Found(subjects, "" if subjects else "row")


def refused(rule: Quarantine, reader: Reader) -> list[Series]:
    """Refused rows over all rows, by label set and day."""
    metric = MARTS[rule.mart].metrics[rule.metric]
    assert isinstance(metric, Pivot)  # noqa: S101 - the rule file was checked
    days: dict[tuple[str, ...], dict[date, tuple[float, float]]] = {}
    for day, *values, reason, rows in reader.rows(
        rule.mart,
        (*rule.by, metric.column),
        [("sum", metric.count)],
        tuple(rule.where.items()),
    ):
        if reason in metric.neither:
            continue
        by_day = days.setdefault(tuple(map(str, values)), {})
        bad, total = by_day.get(day, (0.0, 0.0))
        count = float(rows or 0)
        by_day[day] = (bad + (0.0 if reason in metric.fine else count), total + count)
    return [
        Series(
            tuple(zip(rule.by, named, strict=True)),
            sorted(by_day),
            [Point(*by_day[day], by_day[day][1]) for day in sorted(by_day)],
        )
        for named, by_day in sorted(days.items())
    ]
