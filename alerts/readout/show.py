"""A readout as a product manager reads it: is it sound, how far is it, what moved, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts import terminal
from alerts.experiments import wording
from alerts.experiments.cuped import Cuped
from alerts.experiments.decision import final_of
from alerts.experiments.guardrails import Judgement, Pause
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.sequential import Anytime
from alerts.readout import cells
from alerts.readout.looks import look_tables
from alerts.readout.split import health_lines, split_lines, split_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.cuts import Cut
    from alerts.experiments.judgements import Judged
    from alerts.experiments.readout import Power, Readout

_STYLES = {
    "ship": "bold green",
    "roll back": "bold red",
    "invalid": "bold red",
    "keep running": "bold yellow",
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
}


def show(readout: Readout, console: Console | None = None) -> None:
    """Prints it."""
    out = console or terminal.console()
    out.print(Text(_headline(readout), "bold"))
    if readout.evidence.today:
        out.print()
        out.print(split_table(readout.evidence))
        for line in (*split_lines(readout.split), *health_lines(readout.evidence)):
            out.print(Text(line))
    for part in _figures(readout):
        out.print()
        out.print(part)
    out.print()
    for text in _closing(readout):
        out.print(text)


def _figures(readout: Readout) -> Iterator[Table | Text]:
    if readout.schedule is None or not readout.comparisons:
        return
    yield Text("\n".join(_progress(readout)))
    yield _metrics(readout)
    beside = "\n".join(_beside(readout))
    if beside:
        yield Text(beside)
    if readout.guardrails:
        yield _guardrails(readout)
        notes = dict.fromkeys(_guardrail_notes(readout))
        if notes:
            yield Text("\n".join(notes))
    shown = _shown(readout)
    if shown:
        yield _cuts(readout)
        notes = dict.fromkeys(cut.note for cut in shown if cut.note)
        if notes:
            yield Text("\n".join(notes))
    yield from look_tables(readout)


def _headline(readout: Readout) -> str:
    plan = readout.plan
    said = f"{plan.experiment_key}: {plan.name or 'without a name'}"
    details = [f"owner {plan.owner}" if plan.owner else "", plan.status, f"from {plan.source}"]
    if readout.day is not None:
        over = "" if readout.is_whole else " (a day that is not over)"
        details.append(f"{plan.first_day} to {readout.day}{over}")
    return f"{said}\n{', '.join(detail for detail in details if detail)}"


def _progress(readout: Readout) -> Iterator[str]:
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


def _metrics(readout: Readout) -> Table:
    day = readout.schedule.day_n if readout.schedule else None
    valid = bool(readout.schedule and readout.schedule.is_reached)
    title = (
        "Metrics against control, 95 % intervals"
        if readout.alpha == 0.05
        else (f"Metrics against control, {wording.percent(1 - readout.alpha)} intervals")
    )
    if not valid:
        when = f"day {day}" if day else "the planned users are there"
        title += f": fixed intervals are not valid before {when}"
    control = readout.plan.control or "control"
    columns = ("Metric", "Role", "Arm", control, "Arm's", "Lift", "p", "With CUPED", "p")
    rows = []
    for one in readout.comparisons:
        adjusted = one.cuped.adjusted if isinstance(one.cuped, Cuped) else one.cuped
        rows.append(
            (
                one.metric.metric,
                one.metric.role,
                one.arm,
                cells.level(one.control, one.metric),
                cells.level(one.treatment, one.metric),
                cells.lift(one.plain),
                cells.p_value(one.plain),
                cells.lift(adjusted),
                cells.p_value(adjusted),
            )
        )
    return cells.table(title, columns, rows)


def _beside(readout: Readout) -> Iterator[str]:
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


def _guardrails(readout: Readout) -> Table:
    control = readout.plan.control or "control"
    columns = ("Guardrail", "Arm", "May lose", control, "Arm's", "Outcome", "Pause now")
    title = "Guardrails"
    if readout.schedule and not readout.schedule.is_reached:
        day = readout.schedule.day_n
        title += ": outcomes are not valid before " + (f"day {day}" if day else "the horizon")
    return cells.table(title, columns, [_guardrail(one) for one in readout.guardrails])


def _guardrail(one: Judged) -> tuple[str | Text, ...]:
    rule, metric = one.guard.rule, one.metric
    margin = "-"
    if not isinstance(rule, Refusal):
        size = rule.margin
        margin = wording.percent(size.size) if size.relative else f"{size.size:g}"
    outcome: Text | str = "not judged"
    if isinstance(one.judgement, Judgement):
        outcome = Text(one.judgement.outcome, _STYLES[one.judgement.outcome])
    due = "-"
    if isinstance(one.pause, Pause):
        due = "yes" if one.pause.is_due else "no"
    levels = [cells.level(each, metric) if metric else "-" for each in (one.control, one.treatment)]
    return (one.guard.name, one.arm, margin, *levels, outcome, due)


def _guardrail_notes(readout: Readout) -> Iterator[str]:
    for one in readout.guardrails:
        if one.guard.note:
            yield f"{one.guard.name}: {one.guard.note}"
        if isinstance(one.judgement, Refusal):
            yield f"{one.guard.name}: not judged: {one.judgement.reason}"


def _cuts(readout: Readout) -> Table:
    control = readout.plan.control or "control"
    columns = ("Metric", "Arm", "Segment", control, "Arm's", "Lift", "p", "p of all cuts", "")
    rows = [
        (
            cut.metric.metric,
            cut.arm,
            f"{cut.segment_type} {cut.segment}",
            cells.level(cut.control, cut.metric),
            cells.level(cut.treatment, cut.metric),
            cells.lift(cut.estimate),
            # A p-value without its family would be read as a finding.
            "-" if cut.note else cells.p_value(cut.estimate),
            wording.p_value(cut.adjusted_p),
            "descriptive" if cut.note else "",
        )
        for cut in _shown(readout)
    ]
    return cells.table("Segments (they explain, and decide nothing)", columns, rows)


def _shown(readout: Readout) -> list[Cut]:
    """The cuts of primary metrics; those of secondary ones are in the JSON."""
    return [cut for cut in readout.cuts if cut.metric.role == "primary"]


def _closing(readout: Readout) -> Iterator[Text]:
    recommended = readout.recommendation
    until = f" until {recommended.until}" if recommended.until else ""
    text = Text("Recommendation: ")
    text.append(f"{recommended.text}{until}", _STYLES[recommended.action])
    yield text
    # An invalid one begins with its first reason.
    for reason in recommended.reasons[1 if recommended.action == "invalid" else 0 :]:
        yield Text(f"  {reason}")
    advice = dict.fromkeys(problem.advice for problem in readout.problems if problem.is_fatal)
    for line in advice:
        yield Text(f"  What to do: {line}")
