"""`recwatch cuped` as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts import terminal
from alerts.experiments import wording
from alerts.experiments.cuped import Cuped
from alerts.readout import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.readout import Readout


def show_adjusted(
    readout: Readout, comparisons: Sequence[Comparison], console: Console | None = None
) -> None:
    """Prints both estimates of each metric."""
    out = console or terminal.console()
    out.print(Text(f"{readout.plan.experiment_key}, to the end of {readout.day}", "bold"))
    out.print()
    if not comparisons:
        out.print(Text("Nothing to compare: " + readout.recommendation.reasons[0]))
        return
    columns = ("Metric", "Arm", "Lift", "p", "With CUPED", "p", "Correlation", "Theta")
    rows = [_row(one) for one in comparisons]
    out.print(cells.table("Lift against control", (*columns, "Variance"), rows))


def _row(one: Comparison) -> tuple[str, ...]:
    found = one.cuped
    answer = found.adjusted if isinstance(found, Cuped) else found
    figures = ["-", "-", "-"]
    if isinstance(found, Cuped) and found.correlation is not None and found.theta is not None:
        cut = -(found.variance_cut or 0.0)
        figures = [
            f"{found.correlation:.3f}",
            f"{found.theta:.4g}",
            wording.signed_percent(cut),
        ]
    return (
        one.metric.metric,
        one.arm,
        cells.lift(one.plain),
        cells.p_value(one.plain),
        cells.lift(answer),
        cells.p_value(answer),
        *figures,
    )
