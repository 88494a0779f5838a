"""The figures as a table in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.fixed import SPECS as FIXED
from calibration.looks import SPECS as LOOKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calibration.figure import Bound, Figure, Spec

SPECS: tuple[Spec, ...] = FIXED + LOOKS

_HEAD = """# Calibration

How often the tests are wrong, on simulated experiments in which the truth is known: `make
calibrate` draws users and asks the functions that the product calls. The error is the Monte-Carlo
standard error of the figure. Seed {seed}.

| figure | runs | value | error | must be | holds | beside it | setting |
|---|---|---|---|---|---|---|---|
"""


def document(figures: Sequence[Figure]) -> str:
    """The whole page."""
    seed = figures[0].seed if figures else 0
    return _HEAD.format(seed=seed) + "".join(f"{line(figure)}\n" for figure in figures)


def line(figure: Figure) -> str:
    """A row of the table."""
    spec, summary = figure.spec, figure.summary
    holds = "" if spec.bound.low is spec.bound.high is None else "yes" if figure.holds else "**no**"
    cells = (
        spec.name,
        f"{figure.runs:,}",
        number(summary.value, percent=spec.percent),
        number(summary.mc_error, percent=spec.percent),
        must_be(spec.bound, percent=spec.percent),
        holds,
        summary.beside,
        spec.setting,
    )
    return f"| {' | '.join(cells)} |"


def must_be(bound: Bound, *, percent: bool) -> str:
    """The bound in words."""
    low, high = (
        None if side is None else number(side, percent=percent, digits=2)
        for side in (bound.low, bound.high)
    )
    if low is None and high is None:
        return "published"
    if low is None or high is None:
        return f"≤ {high}" if low is None else f"≥ {low}"
    return f"{low} ± {bound.errors:g} errors" if bound.errors else f"{low} to {high}"


def number(value: float, *, percent: bool, digits: int = 3) -> str:
    """A value, as a percentage or as it is."""
    if not percent:
        return f"{value:.{digits}g}"
    text = f"{100 * value:.{digits}f}".rstrip("0").rstrip(".")
    return f"{'0' if text in {'-0', ''} else text} %"
