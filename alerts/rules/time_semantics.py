"""What rules on days and on freshness must say, beyond their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from alerts.raw.tables import RAW_TABLES
from alerts.rules.expressions import format_duration
from alerts.rules.references import suggest
from alerts.rules.shapes import DAY, Age, Figure, Sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.rules.model import Freshness, ZScore
    from alerts.rules.references import Finding
    from alerts.rules.shapes import Mart, Metric

_RAW = tuple(table.name for table in RAW_TABLES)


def is_share(metric: Metric) -> TypeGuard[Sums]:
    """Whether a metric is a share of events, each in it or not, so that its noise is known."""
    if not isinstance(metric, Sums) or metric.denominator is None:
        return False
    return metric.unit == "share" and metric.counts_events


def check_zscore(rule: ZScore, mart: Mart) -> Iterator[Finding]:
    """Days, a bound in standard deviations, a baseline that can hold enough of them."""
    metric = mart.metrics.get(rule.metric)
    if mart.bucket != DAY:
        written = format_duration(mart.bucket)
        yield ("mart",), f"z-scores compare days, and a bucket of {rule.mart} is {written}"
        return
    if rule.when.operator != ">" or rule.when.bound is None or rule.when.bound <= 0:
        yield ("when",), 'standard deviations on either side: write "> 2"'
    if metric is not None and not isinstance(metric, Sums | Figure):
        yield ("metric",), f"{rule.metric!r} has no days to compare"
    if rule.baseline % DAY:
        yield ("baseline",), f"{format_duration(rule.baseline)} is not a number of days"
    days = rule.baseline // DAY
    if days < 2:
        yield ("baseline",), "a standard deviation takes two days or more"
    elif rule.min_baseline is not None and rule.min_baseline > days:
        message = f"the baseline of {format_duration(rule.baseline)} has only {days} days"
        yield ("min_baseline",), message
    given = "design_effect" in rule.model_fields_set and rule.design_effect is not None
    if given and metric is not None and not is_share(metric):
        message = f"{rule.metric!r} is no share of events: leave it out"
        yield ("design_effect",), message


def check_freshness(rule: Freshness, mart: Mart) -> Iterator[Finding]:
    """A length of time as bound, and raw tables only where loads are judged."""
    if not (rule.when.is_duration and rule.when.operator.startswith(">")):
        yield ("when",), 'how old the newest may be: write "> 26h"'
    if rule.min_denominator is not None:
        yield ("min_denominator",), "leave it out: nothing is divided"
    metric = mart.metrics.get(rule.metric)
    if not (isinstance(metric, Age) and metric.of_loads):
        if rule.sources:
            yield ("sources",), f"the rows of {rule.mart} are judged, not loads: leave it out"
        return
    if rule.by != ("source_table",):
        yield ("by",), "each raw table is loaded on its own: write by: [source_table]"
    if rule.keep_firing_for is not None:
        yield ("keep_firing_for",), "a load ends it: leave it out"
    for place, name in enumerate(rule.sources):
        if name not in _RAW:
            yield ("sources", place), f"no raw table {name!r}: {suggest(name, _RAW)}"
