"""The result of an analysis for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from alerts.experiments.cuped import Cuped
from alerts.experiments.poststratify import Poststratified
from alerts.experiments.results import Estimate, Refusal
from alerts.notify.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.analyze.collect import Collected, Request
    from alerts.analyze.judge import Comparison, Judged, Outcome
    from alerts.experiments.results import Lift

NOTHING = "-"


def heading(file: str, request: Request, collected: Collected, judged: Judged) -> str:
    """What was read."""
    units = sum(arm.units for arm in judged.arms)
    return (
        f"{file}: {collected.rows:,} rows, {units:,} units by {one_line(request.unit)},"
        f" {len(judged.arms)} arms by {one_line(request.variation)},"
        f" control {one_line(judged.control)}."
    )


def notes(request: Request, collected: Collected) -> list[str]:
    """What a reader must know of how the file was taken."""
    without_unit, without_arm = collected.left_out
    told = []
    if without_unit:
        told.append(f"left out: {without_unit:,} rows without {request.unit}")
    if without_arm:
        told.append(f"left out: {without_arm:,} rows without {request.variation}")
    if collected.mixed_units:
        told.append(
            f"left out: {collected.mixed_units:,} units in two variations, with all their rows"
        )
    for column in collected.columns:
        if column.profile.missing:
            told.append(f"{column.name}: {column.profile.missing:,} missing values count as 0")
        if column.once:
            told.append(f"{column.name}: the same on every row of a unit, so it counts once")
        if not column.is_exact:
            told.append(
                f"{column.name}: more than 4 decimals: totals per unit are rounded to"
                f" {column.decimals}"
            )
    return [one_line(each) for each in told]


def sample_ratio(judged: Judged) -> list[str]:
    """The arms, and whether they are as large as their weights say."""
    found = judged.srm
    total = sum(arm.weight for arm in judged.arms)
    lines = []
    for place, arm in enumerate(judged.arms):
        expected = "" if isinstance(found, Refusal) else f", {found.expected[place]:,.1f} expected"
        share = f"weight {arm.weight / total:.4g}" if total else "no weight"
        lines.append(f"  {one_line(arm.name)}: {arm.units:,} units{expected} ({share})")
    if isinstance(found, Refusal):
        return [*lines, f"Sample ratio: not judged: {found.reason}."]
    if found.reason is not None:
        return [*lines, f"SAMPLE RATIO MISMATCH: {one_line(found.reason)}. Trust nothing below."]
    test = f"chi-square {found.chi2:.4g} on {found.df} df, p {_p(found.p_value)}"
    if found.is_mismatch:
        return [*lines, f"SAMPLE RATIO MISMATCH: {test}, below 0.001. Trust nothing below."]
    return [*lines, f"Sample ratio: {test}: no mismatch, which would be below 0.001."]


def comparisons(judged: Judged) -> Table:
    """Each metric of each treatment, by each method."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    share = f"{100 * (1 - judged.alpha):g} %"
    for name, right in (
        ("Metric", False),
        ("Treatment", False),
        ("Method", False),
        ("Control", True),
        ("Treated", True),
        (f"Difference [{share}]", True),
        (f"Lift [{share}]", True),
        ("p", True),
        ("p (Holm)", True),
    ):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for each in judged.comparisons:
        for method, outcome, holm in _methods(each):
            cells = (each.metric.name, each.treatment, method, *_figures(outcome), holm)
            # Text, not markup: a name may hold brackets.
            table.add_row(*(Text(one_line(cell)) for cell in cells))
    return table


def remarks(judged: Judged) -> Iterator[str]:
    """What the adjustments did, and what the figures are not."""
    for each in judged.comparisons:
        name = one_line(f"{each.metric.name}, {each.treatment}")
        if isinstance(each.estimate, Estimate) and each.estimate.lift.note:
            yield f"{name}: no interval of the lift: {each.estimate.lift.note}."
        if isinstance(each.cuped, Cuped) and each.cuped.variance_cut is not None:
            yield (
                f"{name}: the covariate correlates {each.cuped.correlation:.3f}"
                f" and cuts {100 * each.cuped.variance_cut:.1f} % of the variance."
            )
        found = each.post_stratified
        if isinstance(found, Poststratified) and found.variance_cut is not None:
            yield (
                f"{name}: {len(found.strata)} strata cut {100 * found.variance_cut:.1f} %"
                " of the variance."
            )
    if any(each.impression_level is not None for each in judged.comparisons):
        yield "impression-level z takes each row as randomized by itself: it decides nothing."


def _methods(found: Comparison) -> Iterator[tuple[str, Outcome, str]]:
    plain = "Welch" if found.metric.denominator is None else "delta"
    yield plain, found.estimate, _p(found.holm)
    if found.cuped is not None:
        adjusted = found.cuped.adjusted if isinstance(found.cuped, Cuped) else found.cuped
        yield "CUPED", adjusted, _p(found.cuped_holm)
    stratified = found.post_stratified
    if stratified is not None:
        whole = isinstance(stratified, Poststratified)
        adjusted = stratified.adjusted if isinstance(stratified, Poststratified) else stratified
        yield "post-stratified", adjusted, _p(found.post_stratified_holm) if whole else NOTHING
    if found.impression_level is not None:
        yield "impression-level z", found.impression_level, "decides nothing"


def _figures(found: Outcome) -> tuple[str, str, str, str, str]:
    if isinstance(found, Refusal):
        return NOTHING, NOTHING, found.reason, NOTHING, NOTHING
    low, high = found.interval.low, found.interval.high
    bounds = f" [{_number(low)}, {_number(high)}]"
    return (
        _number(found.control),
        _number(found.treatment),
        _number(found.difference, sign=True) + bounds,
        _lift(found.lift),
        _p(found.p_value),
    )


def _lift(lift: Lift) -> str:
    if lift.value is None:
        return NOTHING
    low, high = lift.interval.low, lift.interval.high
    if low is None or high is None:
        return f"{100 * lift.value:+.2f} % [no bounds]"
    return f"{100 * lift.value:+.2f} % [{100 * low:+.2f}, {100 * high:+.2f}]"


def _number(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return NOTHING
    size = abs(value)
    plus = "+" if sign else ""
    return f"{value:{plus},.2f}" if size >= 1_000 else f"{value:{plus}.5g}"


def _p(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
