"""`recwatch srm`: do the arms hold the users that the weights promise?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from alerts.cli.options import Where, json_option, warehouse_options
from alerts.cli.readout import as_of_option, gather, print_json
from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import date

    from alerts.experiments.results import Refusal
    from alerts.experiments.srm import Srm

_MOST = 10**15


def _counts(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Whole numbers with commas between them."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) <= _MOST for part in parts):
        raise click.BadParameter(f"{text!r}: write users by arm, such as 44700,45489")
    return tuple(map(int, parts))


def _weights(_: click.Context, __: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Numbers, 0 or more, with commas between them."""
    if text is None:
        return None
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        weights = ()
    if not any(weights) or not all(math.isfinite(one) and one >= 0 for one in weights):
        raise click.BadParameter(f"{text!r}: write weights by arm, such as 0.5,0.5")
    return weights


@click.command("srm")
@click.argument("experiment", required=False)
@click.option("--counts", callback=_counts, help="Users by arm, such as 44700,45489.")
@click.option("--weights", callback=_weights, help="Their weights, even by default.")
@as_of_option
@json_option
@warehouse_options
def command(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    experiment: str | None,
    counts: tuple[int, ...] | None,
    weights: tuple[float, ...] | None,
    as_of: date | None,
    as_json: bool,
) -> None:
    """Test the users by arm of EXPERIMENT, or --counts, against the weights.

    Two tests: chi-square over all weight periods, for one look, and a Bayes factor, for any. A
    mismatch by either makes the experiment invalid.
    """
    if (experiment is None) == (counts is None):
        raise click.UsageError("give either EXPERIMENT or --counts")
    if experiment is None:
        _print_counts(counts or (), weights, as_json=as_json)
        return
    if weights is not None:
        raise click.UsageError("--weights goes with --counts: an experiment has its own")
    _print_experiment(where, experiment, as_of, as_json=as_json)


def _print_counts(
    counts: tuple[int, ...], weights: tuple[float, ...] | None, *, as_json: bool
) -> None:
    from alerts.experiments.srm import srm  # noqa: PLC0415 - `--help` needs no scipy

    shares = weights or (1.0,) * len(counts)
    if len(shares) != len(counts):
        raise ConfigurationError(
            f"{len(counts)} --counts and {len(shares)} --weights: give as many"
        )
    if len(counts) < 2:
        raise ConfigurationError("--counts: give the users of two arms at least")
    names = [f"arm {number}" for number in range(1, len(counts) + 1)]
    pairs = zip(counts, shares, strict=True)
    found = srm([dict(zip(names, pairs, strict=True))])
    if as_json:
        print_json(_document(found, counts, shares))
    else:
        from alerts.readout.split import show_counts  # noqa: PLC0415

        show_counts(found)


def _document(
    found: Srm | Refusal, counts: tuple[int, ...], shares: tuple[float, ...]
) -> dict[str, Any]:
    from alerts.readout.document import plain  # noqa: PLC0415

    return {"counts": list(counts), "weights": list(shares), "srm": plain(found)}


def _print_experiment(where: Where, experiment: str, as_of: date | None, *, as_json: bool) -> None:
    from alerts.experiments.guardrail_file import load_guardrails  # noqa: PLC0415
    from alerts.experiments.validity import problems, split_of  # noqa: PLC0415
    from alerts.readout import document  # noqa: PLC0415

    evidence = gather(where, experiment, as_of, load_guardrails(), moments=False)
    split = split_of(evidence)
    kinds = ("srm", "idle_arm", "mixed_users", "no_weights", "not_started")
    found = [problem for problem in problems(evidence, split) if problem.kind in kinds]
    if as_json:
        print_json(
            {
                "experiment": experiment,
                "day": document.plain(evidence.day),
                "problems": document.plain(found),
                "srm": document.srm_document(evidence, split),
                "health": document.plain(evidence.health),
            }
        )
    else:
        from alerts.readout.split import show_split  # noqa: PLC0415

        show_split(evidence, split, found)
