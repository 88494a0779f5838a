"""Whether an experiment is ready: to start, and after the first days of its ramp to go on.

What cannot be known is said to be unknown, never to be fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alerts.experiments.guardrails import Pause
from alerts.experiments.results import Refusal
from alerts.experiments.wording import count, percent, signed_percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.experiments.evidence import Evidence, PlanMetric
    from alerts.experiments.readout import Readout
    from alerts.experiments.validity import Problem

State = Literal["ok", "missing", "unknown"]

NOT_YET = "nothing is counted before started_at"
START = "Start with a small ramp, load, run `dbt build`, and ask again."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so.

    Attributes:
        check: Its stable name.
        state: ok, missing (it is not so), or unknown.
        said: What was found.
        todo: What to do; empty where it is ok.
    """

    check: str
    state: State
    said: str
    todo: str = ""


def checks(readout: Readout) -> tuple[Check, ...]:
    """Every check, in the order in which they are dealt with."""
    return (
        *_plan(readout),
        *_guardrails(readout),
        *_arrivals(readout.evidence),
        *_measures(readout.evidence),
        _duration(readout),
        *_ramp(readout),
    )


def _plan(readout: Readout) -> Iterator[Check]:
    plan, evidence = readout.plan, readout.evidence
    weights = {arm: weight for arm, weight in evidence.weights.items() if weight}
    if not plan.arms:
        todo = "Set status and started_at: the marts read the arms from then on."
        yield Check("weights", "unknown", "the marts know no arms before started_at", todo)
        yield Check("control", "unknown", "the marts know no arms before started_at", todo)
    else:
        if len(weights) > 1:
            listed = ", ".join(f"{arm} {percent(share)}" for arm, share in weights.items())
            yield Check("weights", "ok", listed)
        elif evidence.today:
            said = "fewer than two arms have a weight"
            yield Check("weights", "missing", said, "Give at least two arms a weight.")
        else:
            yield Check("weights", "unknown", f"{plan.arms} arms; {NOT_YET}", START)
        if plan.control is None:
            said = "not exactly one arm is marked is_control"
            yield Check("control", "missing", said, "Mark one arm in `variations`.")
        else:
            yield Check("control", "ok", plan.control)
    primary = plan.of_role("primary")
    unmeasured = [metric.metric for metric in primary if not metric.is_measured]
    if unmeasured or not primary:
        said = f"nothing measures {', '.join(unmeasured)}" if unmeasured else "none is named"
        said += f" where the source is {plan.source}"
        todo = "Name metrics of seeds/experiment_metrics.csv as config.primary_metric."
        yield Check("primary_metric", "missing", said, todo)
    else:
        yield Check("primary_metric", "ok", ", ".join(metric.metric for metric in primary))


def _guardrails(readout: Readout) -> Iterator[Check]:
    wanted = readout.guards
    if not wanted:
        todo = "Name some in `config.guardrails` or in the guardrail file."
        yield Check("guardrails", "missing", "there is none", todo)
    for guard in wanted:
        name = f"guardrail {guard.name}"
        if isinstance(guard.rule, Refusal):
            todo = "Make it measurable, or take it out of the guardrails."
            yield Check(name, "missing", guard.rule.reason, todo)
        else:
            size = guard.rule.margin
            margin = percent(size.size) if size.relative else f"{size.size:g}"
            yield Check(name, "ok", guard.note or f"may lose {margin}, from the {guard.origin}")


def _arrivals(evidence: Evidence) -> Iterator[Check]:
    health = evidence.health
    if health is None:
        for name in ("assignments", "exposures"):
            yield Check(name, "unknown", NOT_YET, START)
        return
    assigned = health.assigned_users + health.mixed_users
    yield _arrived("assignments", assigned, "Write each assignment to `experiment_assignments`.")
    todo = "Look whether impressions or responses of `config.surfaces` arrive after assignments."
    yield _arrived("exposures", health.exposed_users, todo)


def _arrived(name: str, users: int, todo: str) -> Check:
    if users:
        return Check(name, "ok", f"{count(users)} users")
    return Check(name, "missing", "no user yet", todo)


def _measures(evidence: Evidence) -> Iterator[Check]:
    """Whether anything arrives that a metric is made of."""
    for metric in evidence.plan.metrics:
        if not metric.is_measured:
            continue
        name = f"measures {metric.metric}"
        by_arm = evidence.whole(metric.metric)
        users = sum(arm.users for arm in by_arm.values())
        if not users:
            yield Check(name, "unknown", "no exposed user yet", START)
            continue
        below = _denominator(evidence, metric)
        if below:
            yield Check(name, "ok", f"{count(below)} {_unit(metric)} from {count(users)} users")
        else:
            said = f"nothing arrived of {count(users)} exposed users"
            todo = f"Look whether {evidence.plan.source} and its neighbours log what it is made of."
            yield Check(name, "missing", said, todo)


def _denominator(evidence: Evidence, metric: PlanMetric) -> float:
    """Events that the metric counts; of a metric per user its total, since users there are."""
    by_arm = evidence.whole(metric.metric).values()
    parts = (arm.sum_m if metric.kind == "mean" else arm.sum_d for arm in by_arm)
    return float(sum(parts))


def _unit(metric: PlanMetric) -> str:
    return "in all" if metric.kind == "mean" else "events"


def _duration(readout: Readout) -> Check:
    found = readout.schedule
    if found is None or (not found.users_per_day and not found.is_reached):
        return Check("duration", "unknown", "no users a day yet", START)
    pace = f"{count(found.users_per_day)} new users a day"
    needed = max(
        (2 * one.users_needed for one in readout.power if isinstance(one.users_needed, int)),
        default=None,
    )
    target = signed_percent(readout.power[0].target_lift) if readout.power else ""
    wanted = f"{target} needs {count(needed)} users in two arms" if needed else ""
    if found.horizon_users is None:
        said = ", ".join(part for part in ("no horizon_users", pace, wanted) if part)
        return Check("duration", "missing", said, "Plan config.horizon_users before the start.")
    if found.is_reached:
        return Check("duration", "ok", f"{count(found.users)} users, the planned ones are there")
    if found.expected_on is None:
        said = f"{pace}: {count(found.horizon_users)} planned users never come"
        return Check("duration", "missing", said, "Give the arms more traffic, or plan fewer.")
    said = f"{pace}: {count(found.horizon_users)} users on day {found.day_n}, {found.expected_on}"
    if needed and needed > found.horizon_users:
        todo = "Plan more users, or look for a larger lift."
        return Check("duration", "missing", f"{said}; {wanted}", todo)
    return Check("duration", "ok", said)


def _ramp(readout: Readout) -> Iterator[Check]:
    """What must hold before more users are let in."""
    if not readout.evidence.today or not _exposed(readout.evidence):
        for name in ("ramp split", "ramp assignment", "ramp guardrails"):
            yield Check(name, "unknown", "no exposed user yet", START)
        return
    split = ("srm", "idle_arm", "no_weights")
    said = "users by arm fit the weights"
    refused = [
        answer.reason
        for answer in (readout.split.assigned, readout.split.exposed)
        if isinstance(answer, Refusal)
    ]
    if refused:
        yield Check("ramp split", "unknown", refused[0], START)
    else:
        yield _sound("ramp split", readout, split, said)
    kinds = ("exposed_without_assignment", "mixed_users", "exposed_to_other_variation")
    yield _sound("ramp assignment", readout, kinds, "every exposed user has one assignment")
    yield _pauses(readout)


def _exposed(evidence: Evidence) -> int:
    return sum(row.exposed_users for row in evidence.today)


def _sound(name: str, readout: Readout, kinds: tuple[str, ...], said: str) -> Check:
    """None of these problems; before more users come, not a tolerated one either."""
    found: list[Problem] = [one for one in readout.problems if one.kind in kinds]
    if not found:
        return Check(name, "ok", said)
    return Check(name, "missing", "; ".join(one.sentence for one in found), found[0].advice)


def _pauses(readout: Readout) -> Check:
    name = "ramp guardrails"
    judged = [one for one in readout.guardrails if not isinstance(one.guard.rule, Refusal)]
    due = [one for one in judged if isinstance(one.pause, Pause) and one.pause.is_due]
    if due:
        listed = ", ".join(f"{one.guard.name} in {one.arm}" for one in due)
        return Check(name, "missing", f"worse than allowed: {listed}", "Pause the experiment.")
    refused = [one for one in judged if isinstance(one.pause, Refusal)]
    if refused or not judged:
        reason = refused[0].pause if refused else None
        why = reason.reason if isinstance(reason, Refusal) else "no guardrail can be judged"
        listed = ", ".join(dict.fromkeys(one.guard.name for one in refused))
        said = f"{listed}: {why}" if listed else why
        return Check(name, "unknown", said, "Wait for more users before the ramp goes on.")
    return Check(name, "ok", f"none of {len(judged)} is surely worse than allowed")
