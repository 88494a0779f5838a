"""The days of an experiment as tables: `recwatch readout --looks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts.experiments import wording
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.sequential import Anytime
from alerts.readout import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.looks import DailyLook
    from alerts.experiments.readout import Readout
    from alerts.experiments.srm import Srm
    from alerts.readout.cells import Listing

SEQUENCE = (
    "What holds at every look together (the confidence sequence) is for harm, on any day: success "
    "is decided by the fixed interval of day N, once."
)
_COLUMNS = ("At every look together", "Says")
_SAYS = {"worse": Text("worse", "bold red"), "better": Text("better", "green")}


def look_notes(readout: Readout) -> Iterator[str]:
    """What is to be known of daily looks; nothing without any."""
    if compared(readout):
        yield SEQUENCE


def compared(readout: Readout) -> tuple[tuple[str, str], ...]:
    """The primary metrics and arms that were compared on any day."""
    looks = readout.looks or ()
    return tuple(dict.fromkeys(_name(one) for look in looks for one in look.comparisons))


def of_one(readout: Readout, metric: str, arm: str) -> list[tuple[DailyLook, Comparison]]:
    """Each day of a metric in an arm."""
    return [
        (look, one)
        for look in readout.looks or ()
        for one in look.comparisons
        if _name(one) == (metric, arm)
    ]


def validity(readout: Readout, look: DailyLook) -> str:
    """What the fixed interval of a day is worth."""
    day = readout.schedule.day_n if readout.schedule else None
    if look.is_deciding:
        return f"day {day}: it decides"
    if look.is_early:
        return "not valid before " + (f"day {day}" if day else "the planned users are there")
    return f"after day {day}: it decides nothing"


def _name(one: Comparison) -> tuple[str, str]:
    return one.metric.metric, one.arm


def metric_listing(readout: Readout, metric: str, arm: str) -> Listing:
    """The days of a primary metric in an arm."""
    control = readout.plan.control or "control"
    columns = ("Day", "Full", "Users", control, "Arm's", "Lift", "Fixed interval", *_COLUMNS)
    found = of_one(readout, metric, arm)
    methods = dict.fromkeys(
        one.deciding.method for _, one in found if isinstance(one.deciding, Estimate)
    )
    by = f", by {' and '.join(methods)}" if methods else ""
    rows = [_line(readout, look, one) for look, one in found]
    return cells.Listing(f"{metric} in {arm}, day by day{by}", columns, rows)


def _line(readout: Readout, look: DailyLook, one: Comparison) -> tuple[str | Text, ...]:
    style = "bold" if look.is_deciding else "dim"
    sequence: str = one.anytime.reason if isinstance(one.anytime, Refusal) else "-"
    if isinstance(one.anytime, Anytime):
        share = cells.is_share(one.metric)
        sequence = wording.interval(one.anytime.interval, one.metric.scale, share=share)
    return (
        str(look.day),
        str(look.schedule.full_days),
        f"{one.control.users + one.treatment.users:,}",
        cells.level(one.control, one.metric),
        cells.level(one.treatment, one.metric),
        Text(cells.lift(one.deciding), style),
        Text(validity(readout, look), style),
        sequence,
        _SAYS.get(one.at_every_look or "", "-"),
    )


def split_by_day(looks: Sequence[DailyLook]) -> Listing:
    """The split of users, assigned and exposed, on each day."""
    columns = ("Day", "Assigned", "p", "log10 BF", "Exposed", "p", "log10 BF")
    rows = [
        (str(look.day), *_tested(look.split.assigned), *_tested(look.split.exposed))
        for look in looks
    ]
    title = "Split of users, day by day (mismatch: p below 0.001 at one look, 10^3 at any)"
    return cells.Listing(title, columns, rows)


def _tested(found: Srm | Refusal) -> tuple[str, str, str]:
    if isinstance(found, Refusal):
        return (found.reason, "-", "-")
    users = " : ".join(f"{count:,}" for count in found.observed)
    factor = wording.power_of_ten(found.log10_bayes_factor)
    return (users, wording.p_value(found.p_value), factor)
