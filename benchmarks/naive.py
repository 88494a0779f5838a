"""The z-score of the first documents: today against seven days that today is one of."""

from __future__ import annotations

from statistics import fmean, pstdev
from typing import TYPE_CHECKING, cast

from alerts.rules import Threshold
from alerts.rules.marts import DAY, MARTS
from alerts.runner import Episode
from alerts.runner.evaluate import fingerprint
from alerts.warehouse import Relation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alerts.warehouse import Warehouse

DAYS, BOUND = 7, 2.0
_MART = "analytics.engagement_daily"
# As rules, so that they can be held against incidents; they are judged here.
RULES = tuple(
    Threshold.model_validate(
        {
            "name": f"naive-{name}-zscore",
            "mart": _MART,
            "metric": metric,
            "by": ["surface"],
            "when": f"> {BOUND}",
        }
    )
    for name, metric in (("ctr", "ctr"), ("dwell", "avg_dwell_ms"))
)


def zscores(values: Sequence[float]) -> list[float]:
    """Each value against the seven that end with it; 0 before there are seven."""
    found = []
    for place, value in enumerate(values):
        window = values[max(place - DAYS + 1, 0) : place + 1]
        spread = pstdev(window)
        found.append((value - fmean(window)) / spread if len(window) == DAYS and spread else 0.0)
    return found


def episodes(warehouse: Warehouse) -> list[Episode]:
    """Every run of days beyond the bound, of every surface."""
    found: list[Episode] = []
    for rule in RULES:
        metric = MARTS[_MART].metrics[rule.metric]
        measures = [("sum", column) for column in metric.columns]
        rows = warehouse.aggregate(Relation.parse(_MART, ""), ["surface", "day"], measures, [])
        by_surface: dict[str, dict[date, float]] = {}
        for surface, day, above, below in rows:
            value = float(cast("float", above)) / float(cast("float", below))
            by_surface.setdefault(str(surface), {})[cast("date", day)] = value
        for surface, values in by_surface.items():
            found += _runs(rule, surface, values)
    return found


def _runs(rule: Threshold, surface: str, values: Mapping[date, float]) -> Iterator[Episode]:
    days = sorted(values)
    scored = zip(days, zscores([values[day] for day in days]), strict=True)
    beyond = [(day, z) for day, z in scored if abs(z) > BOUND]
    labels = (("surface", surface),)
    while beyond:
        run = [beyond.pop(0)]
        while beyond and beyond[0][0] - run[-1][0] == DAY:
            run.append(beyond.pop(0))
        yield Episode(
            rule=rule.name,
            labels=labels,
            fingerprint=fingerprint(rule.name, labels),
            severity=rule.severity,
            first=run[0][0],
            fired=run[0][0],
            last=run[-1][0],
            breaches=len(run),
            worst=max((z for _, z in run), key=abs),
            threshold=BOUND,
            open=False,
        )
