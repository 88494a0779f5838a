"""What the demo found, in the terms of the report."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from alerts.backtest.matching import days_of
from alerts.demo.show import alarm_line, expected, found, surface_of
from alerts.report.content import Alarm, Content, Count, Shade, TruthRow
from alerts.report.figures import read_figures
from alerts.rules import Threshold
from alerts.rules.marts import DAY, MARTS
from alerts.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.backtest.truth import Incident
    from alerts.demo.compare import Comparison, Finding
    from alerts.demo.place import Place
    from alerts.report.content import Metric, ServedMetric
    from alerts.rules import Rule, RuleSet
    from alerts.runner import Episode, Evaluation

_ENGAGEMENT = "analytics.engagement_daily"
_METRICS: Mapping[str, Metric] = {"ctr": "ctr", "avg_dwell_ms": "avg_dwell_ms"}
_SERVED: Mapping[str, ServedMetric] = {
    "personalized_impression_rate": "personalized_impression_rate",
    "catalog_overlap_pct": "catalog_overlap_pct",
}
# Kinds without a surface that show on every panel, as a gap.
_SILENT = frozenset({"missing_day"})
_BY_COLUMNS: Mapping[tuple[str, ...], Metric] = {
    MARTS[_ENGAGEMENT].metrics[name].columns: metric for name, metric in _METRICS.items()
}


def publish(place: Place, rules: RuleSet, evaluation: Evaluation, comparison: Comparison) -> None:
    """Read the marts once more and write the report."""
    # Altair takes a second to import: only those who draw pay for it.
    from alerts.report.page import write_report  # noqa: PLC0415

    content = describe(rules, evaluation, comparison)
    with closing(open_warehouse(place.target)) as warehouse:
        prefix = place.project.schema_prefix
        figures = read_figures(warehouse, prefix, content.histogram, content.alarms)
    write_report(place.report, figures, content)


def describe(rules: RuleSet, evaluation: Evaluation, comparison: Comparison) -> Content:
    """Everything in the report that is not read from a mart."""
    by_name = {rule.name: rule for rule in rules.rules}
    firing = {result.fingerprint for result in evaluation.firing}
    alarms = [
        _alarm(one, by_name[one.rule], comparison, firing=one.open and one.fingerprint in firing)
        for one in evaluation.episodes
    ]
    incidents = [finding.incident for finding in comparison.findings]
    dwell = next((one for one in incidents if one.metric == "avg_dwell_ms"), None)
    return Content(
        title="A simulated shop, and what its alerts saw",
        summary=(
            "The shop is made up, and so is what went wrong in it: because every incident was "
            "planted, each alert can be held against the truth."
        ),
        verdicts=_verdicts(evaluation, comparison),
        shades=tuple(map(_shade, filter(_on_a_panel, incidents))),
        alarms=tuple(sorted(alarms, key=lambda one: (one.first, one.rule, one.surface or ""))),
        truth=tuple(map(_truth_row, comparison.findings)),
        false_alarms=tuple(map(alarm_line, comparison.false_alarms)),
        counts=_counts(comparison),
        histogram=None if dwell is None else _shade(dwell),
        limits=_limits(rules),
    )


def _verdicts(evaluation: Evaluation, comparison: Comparison) -> tuple[tuple[str, bool], ...]:
    covered = comparison.covered
    caught = sum(finding.ok for finding in covered)
    false = len(comparison.false_alarms)
    wrong = len(comparison.differences)
    return (
        (f"{caught} of {len(covered)} incidents that rules cover found", caught == len(covered)),
        (f"{false or 'no'} false alarm{'' if false == 1 else 's'}", not false),
        (f"{wrong} row counts differ" if wrong else "every raw row accounted for", not wrong),
        (f"{len(evaluation.firing)} alerts firing at the end", not evaluation.firing),
    )


def _alarm(episode: Episode, rule: Rule, comparison: Comparison, *, firing: bool) -> Alarm:
    first, last = days_of(episode, rule)
    mart = MARTS[rule.mart]
    return Alarm(
        rule=episode.rule,
        severity=episode.severity,
        surface=_place(dict(episode.labels)),
        metric=_panel_of(rule),
        first=first,
        last=last,
        weekly=mart.bucket > DAY,
        firing=firing,
        cause=", ".join(incident.id for incident in comparison.causes(episode)),
    )


def _place(labels: Mapping[str, str]) -> str | None:
    """The surface; with its shop, as the panels of decision traces name it, where rules tell."""
    names = [labels[name] for name in ("namespace", "surface") if name in labels]
    return "/".join(names) or None


def _panel_of(rule: Rule) -> Metric | ServedMetric | None:
    """What is drawn of what a rule watches."""
    mart = MARTS[rule.mart]
    if _of_a_shop(rule):
        return _SERVED.get(rule.metric)
    return _BY_COLUMNS.get(mart.metrics[rule.metric].columns)


def _limits(rules: RuleSet) -> Mapping[ServedMetric, float]:
    """The bounds of thresholds on what the panels of decision traces draw."""
    return {
        _SERVED[rule.metric]: rule.when.bound
        for rule in rules.rules
        if isinstance(rule, Threshold)
        and _of_a_shop(rule)
        and rule.metric in _SERVED
        and rule.when.bound is not None
    }


def _of_a_shop(rule: Rule) -> bool:
    return "namespace" in MARTS[rule.mart].labels


def _on_a_panel(incident: Incident) -> bool:
    """Whether the panels that have shaded days show what it touched."""
    if incident.surface is None:
        return incident.kind in _SILENT
    return incident.mart == _ENGAGEMENT and incident.metric in _METRICS


def _shade(incident: Incident) -> Shade:
    return Shade(
        label=incident.kind,
        first=incident.first_day,
        last=incident.last_day,
        surface=incident.surface,
        metric=_METRICS.get(incident.metric),
    )


def _truth_row(finding: Finding) -> TruthRow:
    return TruthRow(
        incident=finding.incident.id,
        kind=finding.incident.kind,
        surface=surface_of(finding),
        days=finding.incident.days,
        sentence=finding.incident.sentence,
        expected=expected(finding),
        found=found(finding),
        status=finding.status,
    )


def _counts(comparison: Comparison) -> tuple[Count, ...]:
    planted, counted = comparison.planted, comparison.counted
    keys = sorted({*planted, *counted}, key=lambda key: (key[0], -counted.get(key, 0), key[1]))
    return tuple(Count(*key, counted.get(key, 0), planted.get(key, 0)) for key in keys)
