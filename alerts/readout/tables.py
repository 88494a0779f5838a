"""What a readout lists, for whoever prints it: the console and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts.experiments import wording
from alerts.experiments.cuped import Cuped
from alerts.experiments.guardrails import Judgement, Pause
from alerts.experiments.results import Refusal
from alerts.readout import cells
from alerts.readout.words import shown_cuts

if TYPE_CHECKING:
    from alerts.experiments.judgements import Judged
    from alerts.experiments.readout import Readout
    from alerts.readout.cells import Listing

STYLES = {
    "ship": "bold green",
    "roll back": "bold red",
    "invalid": "bold red",
    "keep running": "bold yellow",
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
}


def metrics_listing(readout: Readout) -> Listing:
    """Every metric and arm: levels, lift, p, without and with CUPED."""
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
    return cells.Listing(title, columns, rows)


def guardrails_listing(readout: Readout) -> Listing:
    """Every guardrail and arm: margin, levels, outcome, whether to pause."""
    control = readout.plan.control or "control"
    columns = ("Guardrail", "Arm", "May lose", control, "Arm's", "Outcome", "Pause now")
    title = "Guardrails"
    if readout.schedule and not readout.schedule.is_reached:
        day = readout.schedule.day_n
        title += ": outcomes are not valid before " + (f"day {day}" if day else "the horizon")
    return cells.Listing(title, columns, [_guardrail(one) for one in readout.guardrails])


def _guardrail(one: Judged) -> tuple[str | Text, ...]:
    rule, metric = one.guard.rule, one.metric
    margin = "-"
    if not isinstance(rule, Refusal):
        size = rule.margin
        margin = wording.percent(size.size) if size.relative else f"{size.size:g}"
    outcome: Text | str = "not judged"
    if isinstance(one.judgement, Judgement):
        outcome = Text(one.judgement.outcome, STYLES[one.judgement.outcome])
    due = "-"
    if isinstance(one.pause, Pause):
        due = "yes" if one.pause.is_due else "no"
    levels = [cells.level(each, metric) if metric else "-" for each in (one.control, one.treatment)]
    return (one.guard.name, one.arm, margin, *levels, outcome, due)


def cuts_listing(readout: Readout) -> Listing:
    """The segments of primary metrics."""
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
        for cut in shown_cuts(readout)
    ]
    return cells.Listing("Segments (they explain, and decide nothing)", columns, rows)
