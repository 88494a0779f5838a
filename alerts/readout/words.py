"""A readout in sentences, for whoever prints them: the console and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.experiments import wording
from alerts.experiments.decision import final_of
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.sequential import Anytime
from alerts.readout import cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.cuts import Cut
    from alerts.experiments.readout import Power, Readout


def title(readout: Readout) -> str:
    """Key and name."""
    return f"{readout.plan.experiment_key}: {readout.plan.name or 'without a name'}"


def details(readout: Readout) -> str:
    """Owner, status, source, and which days are counted."""
    plan = readout.plan
    said = [f"owner {plan.owner}" if plan.owner else "", plan.status, f"from {plan.source}"]
    if readout.day is not None:
        over = "" if readout.is_whole else " (a day that is not over)"
        said.append(f"{plan.first_day} to {readout.day}{over}")
    return ", ".join(one for one in said if one)


def reasons(readout: Readout) -> tuple[str, ...]:
    """The reasons of the recommendation; an invalid one begins with its first."""
    recommended = readout.recommendation
    return recommended.reasons[1 if recommended.action == "invalid" else 0 :]


def advice(readout: Readout) -> tuple[str, ...]:
    """What to do about what makes the experiment invalid."""
    found = dict.fromkeys(problem.advice for problem in readout.problems if problem.is_fatal)
    return tuple(found)


def progress(readout: Readout) -> Iterator[str]:
    """How far it is, when success is decided, and what so many users find."""
    schedule = readout.schedule
    if schedule is None:
        return
    users = f"{schedule.users:,} exposed users"
    if schedule.horizon_users:
        users += f" of {wording.count(schedule.horizon_users)} planned"
    yield (
        f"Day {schedule.full_days} of at least {schedule.min_days:g} since {schedule.since}; "
        f"{users}; {wording.count(schedule.users_per_day)} new ones a day lately."
    )
    if readout.period and readout.period > 1:
        yield (
            f"The weights changed: the users who decide are those assigned in weight period "
            f"{readout.period}, since {schedule.since}."
        )
    if schedule.decided_on:
        yield f"Success is decided on day {schedule.day_n}, {schedule.decided_on}, once."
    elif schedule.expected_on:
        yield f"Success is decided on day {schedule.day_n}, {schedule.expected_on}, not before."
    else:
        yield "At this pace the planned users never come."
    for one in readout.power:
        yield _power(one)


def _power(one: Power) -> str:
    said = f"{one.metric.metric} in {one.arm}: {wording.count(one.users)} users per arm find "
    target = wording.signed_percent(one.target_lift)
    if isinstance(one.power, Refusal):
        return f"Power of {one.metric.metric} in {one.arm}: {one.power.reason}."
    said += f"{target} with power {one.power:.2f}"
    if not isinstance(one.detectable_lift, Refusal):
        said += f", and {wording.signed_percent(one.detectable_lift)} with 0.80"
    if not isinstance(one.users_needed, Refusal):
        said += f"; {target} needs {wording.count(one.users_needed)} users per arm"
    if isinstance(one.events_needed, int | float) and isinstance(one.design_effect, float):
        said += f" ({wording.count(one.events_needed)} events, design effect "
        said += f"{one.design_effect:.2f})"
    return f"Power: {said}."


def beside(readout: Readout) -> Iterator[str]:
    """What stands beside the table for the primary metrics."""
    for one in readout.comparisons:
        if one.metric.role == "primary":
            yield from _primary(readout, one)


def _primary(readout: Readout, one: Comparison) -> Iterator[str]:
    name = f"{one.metric.metric} in {one.arm}"
    if readout.schedule is not None:
        final, holm = final_of(one, readout.schedule)
        if isinstance(final, Estimate):
            yield (
                f"{name}, what decides (day {readout.schedule.day_n}, {final.method}): "
                f"{wording.lift(final.lift)}, adjusted p {wording.p_value(holm)} (Holm)"
            )
    if isinstance(one.anytime, Anytime):
        share = cells.is_share(one.metric)
        bounds = wording.interval(one.anytime.interval, one.metric.scale, share=share)
        yield (
            f"{name}, at every look together: {bounds}, p {wording.p_value(one.anytime.p_value)} "
            "(confidence sequence: for harm, not for success)"
        )
    if one.by_period is not None:
        yield f"{name}, all users by weight period: {cells.lift(one.by_period)}"
    for segment_type, found in one.poststratified:
        answer = found if isinstance(found, Refusal) else found.adjusted
        yield f"{name}, post-stratified by {segment_type}: {cells.lift(answer)}"
    if isinstance(one.impression_level, Estimate):
        yield (
            f"{name}, impression-level z: p {wording.p_value(one.impression_level.p_value)} "
            "(decides nothing: users are randomized, not impressions)"
        )


def guardrail_notes(readout: Readout) -> Iterator[str]:
    """What is to be known of guardrails, such as why one is not judged."""
    for one in readout.guardrails:
        if one.guard.note:
            yield f"{one.guard.name}: {one.guard.note}"
        if isinstance(one.judgement, Refusal):
            yield f"{one.guard.name}: not judged: {one.judgement.reason}"


def shown_cuts(readout: Readout) -> list[Cut]:
    """The cuts of primary metrics; those of secondary ones are in the JSON."""
    return [cut for cut in readout.cuts if cut.metric.role == "primary"]


def cut_notes(readout: Readout) -> tuple[str, ...]:
    """What is to be known of the cuts that are shown."""
    return tuple(dict.fromkeys(cut.note for cut in shown_cuts(readout) if cut.note))
