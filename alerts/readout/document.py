"""What the commands about experiments print with --json. docs/experiments.md explains the keys.

A figure that there is none of is null, and a test that was refused is `{"reason": …}` in place of
its figures. No number is NaN or infinite.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from alerts.experiments.decision import final_of
from alerts.experiments.evidence import PlanMetric
from alerts.experiments.results import Interval, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.evidence import Evidence, Plan
    from alerts.experiments.judgements import Judged
    from alerts.experiments.looks import DailyLook
    from alerts.experiments.readout import Readout
    from alerts.experiments.validity import Split

_PLAN = (
    "name",
    "status",
    "owner",
    "source",
    "control",
    "started_at",
    "ended_at",
    "first_day",
    "last_day",
    "weight_periods",
    "weights_changed_at",
    "min_duration_days",
    "horizon_users",
    "latency_threshold_ms",
)
_UNLISTED = {"strata"}


def readout_document(readout: Readout) -> dict[str, Any]:
    """The whole of `recwatch readout --json`."""
    return {
        "experiment": readout.plan.experiment_key,
        "day": plain(readout.day),
        "is_day_over": readout.is_whole,
        "alpha": readout.alpha,
        "plan": plan_document(readout.plan),
        "arms": list(readout.arms),
        "weight_period": readout.period,
        "recommendation": {
            "text": readout.recommendation.text,
            **plain(readout.recommendation),
        },
        "problems": plain(readout.problems),
        "srm": srm_document(readout.evidence, readout.split),
        "health": plain(readout.evidence.health),
        "schedule": plain(readout.schedule),
        "power": plain(readout.power),
        "metrics": [_metric(readout, one) for one in readout.comparisons],
        "guardrails": [_guardrail(one) for one in readout.guardrails],
        "cuts": plain(readout.cuts),
        **({} if readout.looks is None else {"looks": _looks(readout.looks)}),
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan, without its metrics."""
    return {name: plain(getattr(plan, name)) for name in _PLAN}


def srm_document(evidence: Evidence, split: Split) -> dict[str, Any]:
    """Both tests of the split, and the users behind them by weight period and arm."""
    return {
        "assigned": plain(split.assigned),
        "exposed": plain(split.exposed),
        "users": [
            {name: value for name, value in plain(row).items() if name != "day"}
            for row in evidence.today
        ],
    }


def cuped_document(readout: Readout, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The whole of `recwatch cuped --json`."""
    return {
        "experiment": readout.plan.experiment_key,
        "day": plain(readout.day),
        "alpha": readout.alpha,
        "metrics": [
            {
                "metric": one.metric.metric,
                "role": one.metric.role,
                "kind": one.metric.kind,
                "arm": one.arm,
                "unadjusted": plain(one.plain),
                **_adjusted(one),
            }
            for one in comparisons
        ],
    }


def plain(value: Any) -> Any:
    """A value of types that JSON has; a dataclass by its fields, a metric by its name."""
    for kind, written in _WRITTEN:
        if isinstance(value, kind):
            return written(value)
    if is_dataclass(value):
        names = [field.name for field in fields(value) if field.name not in _UNLISTED]
        return {name: plain(getattr(value, name)) for name in names}
    raise TypeError(f"no JSON for {type(value).__name__}")


_WRITTEN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    ((type(None), bool, int, str), lambda value: value),
    (float, lambda value: value if math.isfinite(value) else None),
    (date, lambda value: value.isoformat()),
    (Refusal, lambda value: {"reason": value.reason}),
    (Interval, lambda value: [plain(value.low), plain(value.high)]),
    (PlanMetric, lambda value: value.metric),
    ((list, tuple), lambda value: [plain(one) for one in value]),
)


def _metric(readout: Readout, one: Comparison) -> dict[str, Any]:
    metric, schedule = one.metric, readout.schedule
    final, holm = final_of(one, schedule) if schedule else (None, None)
    primary = metric.role == "primary"
    return {
        "metric": metric.metric,
        "role": metric.role,
        "kind": metric.kind,
        "direction": metric.direction,
        "scale": plain(metric.scale),
        "arm": one.arm,
        "control": plain(one.control),
        "treatment": plain(one.treatment),
        "unadjusted": plain(one.plain),
        "cuped": _adjusted(one) if one.cuped is not None else None,
        "deciding": plain(one.deciding),
        "holm_p_value": plain(one.holm),
        "is_valid_now": bool(schedule and schedule.is_reached),
        "on_decision_day": plain(final) if primary else None,
        "on_decision_day_holm_p_value": plain(holm) if primary else None,
        "anytime": plain(one.anytime),
        "impression_level": plain(one.impression_level),
        "by_weight_period": plain(one.by_period),
        "post_stratified": [
            {"segment_type": segment_type, **plain(found)}
            for segment_type, found in one.poststratified
        ],
    }


def _looks(looks: Sequence[DailyLook]) -> list[dict[str, Any]]:
    """Each day; levels and estimates have the keys that they have in `metrics`."""
    return [
        {
            "day": plain(look.day),
            "full_days": look.schedule.full_days,
            "is_decision_day": look.is_deciding,
            "srm": plain(look.split),
            "metrics": [
                {
                    "metric": one.metric.metric,
                    "arm": one.arm,
                    "control": plain(one.control),
                    "treatment": plain(one.treatment),
                    "deciding": plain(one.deciding),
                    "anytime": plain(one.anytime),
                    "at_every_look": one.at_every_look,
                }
                for one in look.comparisons
            ],
        }
        for look in looks
    ]


def _adjusted(one: Comparison) -> dict[str, Any]:
    """What CUPED came to, or why it did not."""
    found = one.cuped
    if found is None or isinstance(found, Refusal):
        nothing = dict.fromkeys(("theta", "correlation", "variance_cut"))
        return {"adjusted": plain(found), **nothing}
    return {
        "adjusted": plain(found.adjusted),
        "theta": plain(found.theta),
        "correlation": plain(found.correlation),
        "variance_cut": plain(found.variance_cut),
    }


def _guardrail(one: Judged) -> dict[str, Any]:
    rule = one.guard.rule
    refused = isinstance(one.judgement, Refusal)
    return {
        "guardrail": one.guard.name,
        "metric": one.guard.metric,
        "arm": one.arm,
        "origin": one.guard.origin,
        "note": one.guard.note,
        "direction": None if isinstance(rule, Refusal) else rule.direction,
        "margin": None if isinstance(rule, Refusal) else plain(rule.margin),
        "control": plain(one.control),
        "treatment": plain(one.treatment),
        "outcome": None if isinstance(one.judgement, Refusal) else one.judgement.outcome,
        "reason": one.judgement.reason if isinstance(one.judgement, Refusal) else None,
        "judgement": None if refused else plain(one.judgement),
        "pause": plain(one.pause),
    }
