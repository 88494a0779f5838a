"""Which guardrails an experiment has: its own configuration's, the file's, the metrics' own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alerts.experiments.guardrails import Guardrail, Margin, read_margin
from alerts.experiments.results import Refusal

if TYPE_CHECKING:
    from alerts.experiments.evidence import Plan, PlanMetric
    from alerts.experiments.guardrail_file import GuardrailEntry, Settings

Origin = Literal["experiment", "file", "metric"]

LATENCY = "p95_latency_ms"
LATENCY_METRIC = "over_threshold_rate"
NO_THRESHOLD = Refusal(
    "quantiles cannot be tested from moments: set config.latency_threshold_ms, and the share of "
    "responses above it is judged"
)


@dataclass(frozen=True, slots=True)
class Guard:
    """A guardrail of an experiment.

    Attributes:
        name: As whoever wants it wrote it.
        metric: What is judged.
        origin: Who wants it: the experiment's configuration, the guardrail file, or
            `seeds/experiment_metrics.csv`.
        rule: Direction and margin; or why it cannot be judged.
        note: What a reader should know, such as that another metric is judged in its place.
    """

    name: str
    metric: str
    origin: Origin
    rule: Guardrail | Refusal
    note: str | None = None


def guards(plan: Plan, settings: Settings) -> tuple[Guard, ...]:
    """The guardrails, by name.

    A threshold of the experiment's own configuration counts before the file's entry for it, that
    before the file's defaults, those before the margin in `seeds/experiment_metrics.csv`.
    """
    filed = {entry.name: entry for entry in settings.guardrails}
    planned = {metric.metric: metric for metric in plan.of_role("guardrail")}
    # As the latency's guardrail judges this share, the share is no second guardrail.
    if LATENCY in filed or LATENCY in planned:
        share = planned.get(LATENCY_METRIC)
        if share is not None and share.threshold is None and LATENCY_METRIC not in filed:
            del planned[LATENCY_METRIC]
    found = [
        _guard(plan, name, planned.get(name), filed.get(name)) for name in {**planned, **filed}
    ]
    return tuple(sorted(found, key=lambda guard: guard.name))


def _guard(
    plan: Plan, name: str, planned: PlanMetric | None, entry: GuardrailEntry | None
) -> Guard:
    origin: Origin = "metric"
    if planned is not None and _is_own(planned):
        origin = "experiment"
    elif entry is not None:
        origin = "file"
    metric = LATENCY_METRIC if name == LATENCY else name
    rule = _measured(plan, name, metric) or _rule(name, planned, entry, origin)
    return Guard(name, metric, origin, rule, _note(plan, name, rule))


def _is_own(planned: PlanMetric) -> bool:
    """Whether the experiment's configuration has a threshold, or a margin, which is absolute."""
    return planned.threshold is not None or planned.margin_type == "absolute"


def _measured(plan: Plan, name: str, metric: str) -> Refusal | None:
    """Why the metric cannot be judged, if so."""
    if name == LATENCY and plan.latency_threshold_ms is None:
        return NO_THRESHOLD
    found = plan.metric(metric)
    if found is None or not found.is_measured:
        return Refusal(f"nothing measures {metric} where the source is {plan.source}")
    return None


def _rule(
    name: str, planned: PlanMetric | None, entry: GuardrailEntry | None, origin: Origin
) -> Guardrail | Refusal:
    direction = entry.direction if entry else None
    if planned is not None and (origin != "file" or direction is None):
        direction = planned.direction or direction
    if direction is None:
        return Refusal("no direction: say lower_is_better or higher_is_better")
    try:
        if origin == "file" and entry is not None:
            return Guardrail(name, direction, entry.margin)
        if planned is not None and planned.threshold is not None:
            return Guardrail(name, direction, read_margin(planned.threshold, direction))
        size = 0.0 if planned is None else planned.margin or 0.0
        relative = planned is None or planned.margin_type != "absolute"
        return Guardrail(name, direction, Margin(size, relative))
    except ValueError as error:
        return Refusal(str(error))


def _note(plan: Plan, name: str, rule: Guardrail | Refusal) -> str | None:
    if name != LATENCY or isinstance(rule, Refusal):
        return None
    return f"judged as the share of responses above {plan.latency_threshold_ms:g} ms"
