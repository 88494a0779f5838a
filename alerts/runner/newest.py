"""How old the newest loads and rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.detectors import freshness
from alerts.detectors.sentences import Wording
from alerts.rules.marts import MARTS, Age, Figure
from alerts.runner.read import Grouping, Table, series
from alerts.runner.subjects import Found, Subject, limit_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from alerts.rules import Freshness
    from alerts.runner.read import Reader

_WORDING = Wording("age", "duration", None, None)
_ROWS = "rows"


def judge_freshness(rule: Freshness, reader: Reader, now: datetime | None) -> Found:
    """Loads by the clock where the mart tells of loads, else rows in data time."""
    metric = MARTS[rule.mart].metrics[rule.metric]
    if isinstance(metric, Age) and metric.of_loads:
        return _loads(rule, reader, reader.as_of or now)
    return _rows(rule, reader)


def _loads(rule: Freshness, reader: Reader, clock: datetime | None) -> Found:
    """Every raw table that had a row by then, by the moments of its loads.

    The mart keeps the newest load of each day, of each raw table. One that was loaded only after
    the clock, as in an evaluation of the past, is in no state.
    """
    if clock is None:
        why = "the age of loads takes the time of evaluation, and none was given"
        return Found((), warnings=(f"rule {rule.name}: {why}, so it is not judged",))
    where = (("reason", "accepted"), *rule.where.items())
    loads: dict[str, list[datetime]] = {}
    for _, table, loaded in reader.rows_ever(
        rule.mart, ("source_table",), [("max", "loaded_through")], where
    ):
        if loaded is not None and loaded <= clock and (not rule.sources or table in rule.sources):
            loads.setdefault(str(table), []).append(loaded)
    limit = limit_of(rule, rule.when.bound or 0.0)
    subjects = tuple(
        Subject(
            (("source_table", table),),
            limit,
            freshness.judge_loads(moments, clock, limit),
            _WORDING,
            is_moment=True,
        )
        for table, moments in sorted(loads.items())
    )
    return Found(subjects, "" if subjects else "load by then")


def _rows(rule: Freshness, reader: Reader) -> Found:
    """Every label set that ever had a row, and every expected one."""
    mart, grouping = MARTS[rule.mart], Grouping.of(rule)
    cells: dict[tuple[str, ...], dict[date, tuple[float]]] = {}
    for bucket, *labels, _ in reader.rows(rule.mart, rule.by, [("max", mart.time)], grouping.where):
        cells.setdefault(tuple(map(str, labels)), {})[bucket] = (1.0,)
    table = Table((_ROWS,), reader.window(rule.mart), cells)
    limit = limit_of(rule, rule.when.bound or 0.0)
    subjects = tuple(
        Subject(one.labels, limit, freshness.judge(one, limit, mart.bucket), _WORDING)
        for one in series(table, rule.by, Figure(_ROWS), None, reader.expected(grouping))
    )
    if table.window is None:
        return Found(subjects, "complete bucket")
    return Found(subjects, "" if cells else "row")
