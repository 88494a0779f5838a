"""Segments of users: where an effect differs. They explain, and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from alerts.experiments.comparisons import few, level_of, p_of
from alerts.experiments.estimates import estimate
from alerts.experiments.evidence import PERIOD
from alerts.experiments.families import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.experiments.comparisons import ArmLevel
    from alerts.experiments.evidence import Evidence, PlanMetric
    from alerts.experiments.results import Estimate, Refusal

SURFACE = "surface"
AFTER_EXPOSURE = "descriptive: who comes to a surface may depend on the arm"
ALL_PERIODS = "descriptive: the weights changed, and the segment holds users of all periods"


@dataclass(frozen=True, slots=True)
class Cut:
    """A treatment arm against control on one metric in one segment.

    Attributes:
        metric: As planned.
        arm: The treatment.
        segment_type: user_type, device, country or surface.
        segment: Its value.
        control: Level of the control arm.
        treatment: Level of the treatment arm.
        estimate: The fixed test.
        adjusted_p: By Benjamini and Hochberg over all cuts of the metric and arm; None where it
            does not take part.
        note: Why it is descriptive only; None where it is not.
    """

    metric: PlanMetric
    arm: str
    segment_type: str
    segment: str
    control: ArmLevel
    treatment: ArmLevel
    estimate: Estimate | Refusal
    adjusted_p: float | None = None
    note: str | None = None


def cut_all(evidence: Evidence, alpha: float) -> tuple[Cut, ...]:
    """Every cut of primary and secondary metrics, primaries first.

    A type with one segment is the whole again and no cut.
    """
    metrics = [metric for metric in evidence.plan.metrics if metric.is_measured]
    listed = [
        cut
        for role in ("primary", "secondary")
        for metric in metrics
        if metric.role == role
        for arm in evidence.treatments
        for cut in _cuts(evidence, metric, arm, alpha)
    ]
    families = groupby(listed, key=lambda cut: (cut.metric.metric, cut.arm))
    return tuple(cut for _, family in families for cut in _adjusted(list(family)))


def _cuts(evidence: Evidence, metric: PlanMetric, arm: str, alpha: float) -> Iterator[Cut]:
    several = len(evidence.segments(metric.metric, PERIOD)) > 1
    for segment_type in evidence.segment_types(metric.metric):
        segments = evidence.segments(metric.metric, segment_type)
        note = ALL_PERIODS if several else None
        if segment_type == SURFACE and metric.kind == "mean":
            note = AFTER_EXPOSURE
        for segment, by_arm in segments.items() if len(segments) > 1 else ():
            control, treatment = by_arm.get(evidence.plan.control or ""), by_arm.get(arm)
            yield Cut(
                metric=metric,
                arm=arm,
                segment_type=segment_type,
                segment=segment,
                control=level_of(control, metric),
                treatment=level_of(treatment, metric),
                estimate=few(control, treatment)
                or estimate(metric.test_kind, control, treatment, alpha=alpha),
                note=note,
            )


def _adjusted(family: Sequence[Cut]) -> list[Cut]:
    """With adjusted p-values; what is descriptive is no member of the family."""
    p_values = [None if cut.note else p_of(cut.estimate) for cut in family]
    adjusted = benjamini_hochberg(p_values)
    return [replace(cut, adjusted_p=p) for cut, p in zip(family, adjusted, strict=True)]
