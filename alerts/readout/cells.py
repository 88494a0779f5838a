"""What the tables about experiments share: a console, tables, and how an answer is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from alerts.experiments import wording
from alerts.experiments.results import Estimate, Refusal
from alerts.notify.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alerts.experiments.comparisons import ArmLevel
    from alerts.experiments.evidence import PlanMetric


class Listing(NamedTuple):
    """A table before anybody has drawn it.

    Attributes:
        title: Above it.
        columns: Their names.
        rows: Cells as text; what stands out has a style of the console.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Text]]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table without frames; text is taken as it stands, since a name may hold brackets."""
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    for name in columns:
        made.add_column(name, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in row))
    return made


def is_share(metric: PlanMetric) -> bool:
    """Whether the metric is written in percent."""
    return metric.kind == "proportion"


def level(one: ArmLevel, metric: PlanMetric) -> str:
    """The level of an arm."""
    return wording.level(one.value, metric.scale, share=is_share(metric))


def difference(answer: Estimate | Refusal | None, metric: PlanMetric) -> str:
    """The absolute difference with its interval, or nothing."""
    if not isinstance(answer, Estimate):
        return "-"
    share = is_share(metric)
    value = wording.difference(answer.difference, metric.scale, share=share)
    return f"{value} {wording.interval(answer.interval, metric.scale, share=share)}"


def lift(answer: Estimate | Refusal | None) -> str:
    """The relative lift with its interval, or the reason why there is none."""
    if answer is None:
        return "-"
    return answer.reason if isinstance(answer, Refusal) else wording.lift(answer.lift)


def p_value(answer: Estimate | Refusal | None) -> str:
    """The p-value, or a dash."""
    return wording.p_value(answer.p_value) if isinstance(answer, Estimate) else "-"
