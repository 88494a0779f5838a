"""`recwatch cuped`: what the users' own past takes out of the comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alerts.cli.options import Where, json_option, warehouse_options
from alerts.cli.readout import alpha_option, as_of_option, gather, print_json
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.experiments.comparisons import Comparison


@click.command("cuped")
@click.argument("experiment")
@click.option("--metric", "metrics", multiple=True, help="Only this metric; repeatable.")
@as_of_option
@alpha_option
@json_option
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    experiment: str,
    metrics: tuple[str, ...],
    as_of: date | None,
    alpha: float,
    as_json: bool,
) -> None:
    """Every metric of EXPERIMENT with and without CUPED, and the variance it cuts.

    The covariate is the same metric in the 14 days before a user's first exposure.
    """
    from alerts.experiments.guardrail_file import Settings, load_guardrails  # noqa: PLC0415
    from alerts.experiments.readout import read_out  # noqa: PLC0415

    evidence = gather(where, experiment, as_of, load_guardrails())
    # Asked for by name, it is shown whether or not it decides.
    readout = read_out(evidence, Settings(variance_reduction="cuped"), alpha=alpha)
    chosen = _chosen(readout.comparisons, metrics, experiment)
    if as_json:
        from alerts.readout.document import cuped_document  # noqa: PLC0415

        print_json(cuped_document(readout, chosen))
    else:
        from alerts.readout.adjusted import show_adjusted  # noqa: PLC0415

        show_adjusted(readout, chosen)


def _chosen(
    comparisons: Sequence[Comparison], metrics: tuple[str, ...], experiment: str
) -> list[Comparison]:
    known = dict.fromkeys(one.metric.metric for one in comparisons)
    for metric in metrics:
        if metric not in known:
            listed = f"there are {', '.join(known)}" if known else "it has none yet"
            raise ConfigurationError(f"{experiment} has no metric {metric!r}: {listed}")
    return [one for one in comparisons if not metrics or one.metric.metric in metrics]
