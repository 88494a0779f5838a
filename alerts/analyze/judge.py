"""The moments of a file's arms, judged: the tests of `alerts.experiments` beside each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError
from alerts.experiments.cuped import Cuped, cuped
from alerts.experiments.estimates import estimate
from alerts.experiments.families import holm
from alerts.experiments.poststratify import Poststratified, poststratify
from alerts.experiments.proportions import Counts, two_proportions
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.srm import Srm, srm
from alerts.notify.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.analyze.collect import Cell, Collected, Measure, Request
    from alerts.experiments.moments import Moments
    from alerts.experiments.values import Kind

Outcome = Estimate | Refusal


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm of the file, or one that has a weight and nobody in it."""

    name: str
    units: int
    rows: int
    weight: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one treatment arm against control.

    Attributes:
        metric: Which.
        treatment: Name of the arm.
        estimate: Welch or delta method.
        holm: Its p-value, adjusted over all metrics and treatments; None where refused.
        cuped: With the covariate; None where none was given.
        cuped_holm: As `holm`, among the CUPED estimates.
        post_stratified: Over the strata; None where none were given.
        post_stratified_holm: As `holm`, among these.
        impression_level: As if each row were randomized by itself; decides nothing. None where
            the metric is no rate of its rows.
    """

    metric: Measure
    treatment: str
    estimate: Outcome
    holm: float | None
    cuped: Cuped | Refusal | None
    cuped_holm: float | None
    post_stratified: Poststratified | Refusal | None
    post_stratified_holm: float | None
    impression_level: Outcome | None


@dataclass(frozen=True, slots=True)
class Judged:
    """All that is known of a file's experiment.

    Attributes:
        control: Name of the arm.
        alpha: Of the intervals.
        arms: Control first.
        srm: Whether the arms are as large as their weights say.
        comparisons: By metric, then by treatment.
    """

    control: str
    alpha: float
    arms: tuple[Arm, ...]
    srm: Srm | Refusal
    comparisons: tuple[Comparison, ...]


def judge(
    request: Request,
    collected: Collected,
    control: str,
    weights: Mapping[str, float] | None,
    alpha: float,
) -> Judged:
    """Every metric of every treatment against control.

    Args:
        request: What was asked of the file.
        collected: What the file holds.
        control: Name of the arm that the others are compared with.
        weights: By arm; None for the same in all.
        alpha: Of the intervals, between 0 and 1.

    Raises:
        ConfigurationError: There is no such control, or nothing to compare it with.
    """
    arms = _arms(request, collected, control, weights)
    counts = srm([{arm.name: (arm.units, arm.weight) for arm in arms}])
    whole = {
        name: sum(list(cells.values())[1:], start=next(iter(cells.values())))
        for name, cells in collected.arms.items()
        if cells
    }
    comparisons = [
        _compare(request, collected, whole, place, (control, arm.name), alpha)
        for place in range(len(request.metrics))
        for arm in arms[1:]
    ]
    return Judged(control, alpha, arms, counts, tuple(_adjusted(comparisons)))


def _arms(
    request: Request, collected: Collected, control: str, weights: Mapping[str, float] | None
) -> tuple[Arm, ...]:
    found = collected.arms
    if control not in found:
        raise ConfigurationError(
            f"--control {control}: column {one_line(request.variation)} has"
            f" {', '.join(one_line(name) for name in found)}"
        )
    names = [control, *(name for name in sorted({*found, *(weights or {})}) if name != control)]
    if len(names) == 1:
        raise ConfigurationError(
            f"column {one_line(request.variation)} has {one_line(control)} only:"
            " there is nothing to compare it with"
        )
    return tuple(
        Arm(
            name,
            sum(cell.units for cell in found.get(name, {}).values()),
            sum(cell.rows for cell in found.get(name, {}).values()),
            1.0 if weights is None else weights.get(name, 0.0),
        )
        for name in names
    )


def _compare(  # noqa: PLR0913, PLR0917 - one comparison of all
    request: Request,
    collected: Collected,
    whole: Mapping[str, Cell],
    place: int,
    names: tuple[str, str],
    alpha: float,
) -> Comparison:
    metric, covariate = request.metrics[place], request.covariates[place]
    kind: Kind = "mean" if metric.denominator is None else "ratio"
    control, treatment = (whole[name].moments[place] if name in whole else None for name in names)
    by_stratum = [
        {stratum: cell.moments[place] for stratum, cell in collected.arms.get(name, {}).items()}
        for name in names
    ]
    return Comparison(
        metric=metric,
        treatment=names[1],
        estimate=estimate(kind, control, treatment, alpha=alpha),
        holm=None,
        cuped=None if covariate is None else _cuped(kind, covariate, control, treatment, alpha),
        cuped_holm=None,
        post_stratified=(
            None if request.stratum is None else poststratify(kind, *by_stratum, alpha=alpha)
        ),
        post_stratified_holm=None,
        impression_level=(
            two_proportions(
                *(_counts(whole.get(name), metric, place) for name in names), alpha=alpha
            )
            if collected.rates[place]
            else None
        ),
    )


def _cuped(
    kind: Kind,
    covariate: Measure,
    control: Moments | None,
    treatment: Moments | None,
    alpha: float,
) -> Cuped | Refusal:
    if kind == "mean" and covariate.denominator is not None:
        return Refusal("a mean per unit needs a covariate per unit, not a ratio")
    return cuped(kind, control, treatment, alpha=alpha)


def _counts(cell: Cell | None, metric: Measure, place: int) -> Counts | None:
    if cell is None:
        return None
    moments = cell.moments[place]
    of = cell.rows if metric.denominator is None else int(moments.sum_d)
    return Counts(int(moments.sum_m), of)


def _adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Each way of estimating is a family of its own: who reads one does not read the others."""
    plain = holm([_p_value(each.estimate) for each in comparisons])
    with_past = holm([_p_value(_adjusted_one(each.cuped)) for each in comparisons])
    stratified = holm([_p_value(_adjusted_one(each.post_stratified)) for each in comparisons])
    return [
        replace(each, holm=p, cuped_holm=past, post_stratified_holm=stratum)
        for each, p, past, stratum in zip(comparisons, plain, with_past, stratified, strict=True)
    ]


def _adjusted_one(found: Cuped | Poststratified | Refusal | None) -> Outcome | None:
    return found.adjusted if isinstance(found, Cuped | Poststratified) else found


def _p_value(found: Outcome | None) -> float | None:
    return found.p_value if isinstance(found, Estimate) else None
