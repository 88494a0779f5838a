"""Looking at an experiment more than once: a confidence sequence, and looks declared beforehand.

The confidence sequence holds at every look at once and serves safety. It pays for that with power,
so success is decided by the fixed test on the last day, or at a few looks declared before the
start, whose boundaries spend alpha as information comes in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr  # type: ignore[import-untyped]

from alerts.experiments.distributions import critical
from alerts.experiments.results import Interval, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Floats = npt.NDArray[np.float64]

# Beyond this many standard deviations nothing is left that a float could tell from 0.
_FARTHEST = 37.0
# Nodes of one panel, and its width in standard deviations of the sharpest function integrated:
# the error is then that of the floats.
_NODES, _WIDTH = 16, 1.5
# Looks closer to each other are one, and would need ever more nodes.
_STEP = 0.001


@dataclass(frozen=True, slots=True)
class Anytime:
    """What holds at this look and at all others together.

    Attributes:
        interval: Of the difference, at 1 − alpha over all looks.
        p_value: The smallest alpha at which the sequence would exclude 0, its tuning unchanged.
        alpha: Of the interval.
        users: Behind this look, both arms together.
        horizon_users: For which the sequence is tuned.
    """

    interval: Interval
    p_value: float
    alpha: float
    users: int
    horizon_users: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """What the difference is at least, at this look and at all others together.

    Attributes:
        bound: Below the difference, with probability 1 − alpha over all looks.
        p_value: The smallest alpha at which a bound above 0 would have been found, the tuning
            unchanged.
        alpha: Of the bound, one-sided.
        users: Behind this look, both arms together.
        horizon_users: For which the sequence is tuned.
    """

    bound: float
    p_value: float
    alpha: float
    users: int
    horizon_users: int


@dataclass(frozen=True, slots=True)
class Look:
    """One of the looks declared beforehand.

    Attributes:
        fraction: Of the planned information (users) at this look.
        boundary: |z| from which the difference is significant; None where the look has so little
            alpha to spend that nothing can be.
        spent: Of alpha, both sides, up to and including this look.
    """

    fraction: float
    boundary: float | None
    spent: float


def rho_squared(alpha: float, horizon_users: int) -> float:
    """The tuning of the two-sided sequence that makes it shortest near the horizon.

    nρ² = −2 ln α + ln(1 − 2 ln α) with n the users at the horizon (I. Waudby-Smith, D. Arbour, R.
    Sinha, E. H. Kennedy, A. Ramdas, Time-uniform central limit theory and asymptotic confidence
    sequences, Annals of Statistics 52 (2024), arXiv 2103.06476). It must be fixed before the start:
    with a ρ that follows the data the sequence does not hold.

    Raises:
        ValueError: alpha outside 0 to 1, or no users at the horizon.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    if horizon_users < 1:
        raise ValueError(f"the horizon must have at least 1 user, not {horizon_users}")
    return (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / horizon_users


def confidence_sequence(
    difference: float,
    std_error: float,
    users: int,
    *,
    horizon_users: int,
    alpha: float = 0.05,
) -> Anytime | Refusal:
    """The two-sided asymptotic confidence sequence at one look.

    The radius is σ √( 2(nρ² + 1)/(n²ρ²) · ln(√(nρ² + 1)/α) ) with σ = std_error √n (the same paper;
    a normal distribution is mixed over, as in Robbins 1970). It is asymptotic in the users at the
    first look, and users must keep coming: n is the clock. Between looks without new users, where
    only their totals grow, it is not proven; the calibration measures totals that grow.

    Args:
        difference: Treatment − control, in the metric's unit.
        std_error: Of the difference, as the fixed test has it.
        users: Of both arms so far.
        horizon_users: Of both arms as planned, fixed before the start.
        alpha: Chance that 0 is ever excluded though there is no difference.

    Returns:
        The look, or a refusal: `not started`, `zero variance`.

    Raises:
        ValueError: alpha outside 0 to 1, or no users at the horizon.
    """
    clock = rho_squared(alpha, horizon_users) * users
    refusal = _refusal(difference, std_error, users)
    if refusal is not None:
        return refusal
    radius = std_error * _critical(clock, math.log(math.sqrt(clock + 1) / alpha))
    return Anytime(
        interval=Interval(difference - radius, difference + radius),
        p_value=min(1.0, math.sqrt(clock + 1) * _likelihood(difference / std_error, clock)),
        alpha=alpha,
        users=users,
        horizon_users=horizon_users,
    )


def lower_confidence_sequence(
    difference: float,
    std_error: float,
    users: int,
    *,
    horizon_users: int,
    alpha: float,
) -> AtLeast | Refusal:
    """The one-sided asymptotic confidence sequence: the difference is at least its bound.

    The radius is σ √( 2(nρ² + 1)/(n²ρ²) · ln(1 + √(nρ² + 1)/(2α)) ) (the same paper:
    half a normal distribution is mixed over instead of the whole). ρ² is that of a two-sided
    sequence at 2α, from which it differs by the 1 in the logarithm only.

    Arguments, refusals and errors as in `confidence_sequence`, alpha below 0.5. For an upper bound,
    negate the difference.
    """
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha of one side must be between 0 and 0.5, not {alpha}")
    clock = rho_squared(2 * alpha, horizon_users) * users
    refusal = _refusal(difference, std_error, users)
    if refusal is not None:
        return refusal
    radius = std_error * _critical(clock, math.log1p(math.sqrt(clock + 1) / (2 * alpha)))
    statistic = difference / std_error
    return AtLeast(
        bound=difference - radius,
        p_value=_one_sided_p(statistic, clock),
        alpha=alpha,
        users=users,
        horizon_users=horizon_users,
    )


def _critical(clock: float, log_ratio: float) -> float:
    """How many standard errors the radius has at nρ² = clock."""
    return math.sqrt(2 * (clock + 1) / clock * log_ratio)


def _exponent(statistic: float, clock: float) -> float:
    # A product: the power of a large float raises.
    return statistic * statistic / 2 * clock / (clock + 1)


def _likelihood(statistic: float, clock: float) -> float:
    """exp(−z²/2 · nρ²/(nρ² + 1)), the inverse of the evidence without its factor."""
    return math.exp(-_exponent(statistic, clock))


def _one_sided_p(statistic: float, clock: float) -> float:
    """The alpha that solves z² = 2(nρ² + 1)/(nρ²) · ln(1 + √(nρ² + 1)/(2α))."""
    if statistic <= 0:
        return 1.0
    more = -math.expm1(-_exponent(statistic, clock))
    if not more:
        return 1.0
    return min(1.0, math.sqrt(clock + 1) / 2 * _likelihood(statistic, clock) / more)


def _refusal(difference: float, std_error: float, users: int) -> Refusal | None:
    if users < 1:
        return Refusal("not started")
    if not (math.isfinite(difference) and math.isfinite(std_error)):
        return Refusal("no estimate")
    return None if std_error > 0 else Refusal("zero variance")


def spent(fraction: float, alpha: float = 0.05) -> float:
    """Alpha spent, both sides, when a fraction of the information is in.

    Each side spends 2(1 − Φ(z_{α/4}/√t)) of its α/2, which gives boundaries near those of O'Brien
    and Fleming (K. K. G. Lan, D. L. DeMets, Discrete sequential boundaries for clinical trials,
    Biometrika 70 (1983) 659-663; two-sided as in D. M. Reboussin, D. L. DeMets, K. Kim, K. K. G.
    Lan, Controlled Clinical Trials 21 (2000) 190-207).
    """
    return 4 * float(ndtr(-critical(alpha / 2) / math.sqrt(fraction)))


def boundaries(fractions: Sequence[float], alpha: float = 0.05) -> tuple[Look, ...]:
    """The boundaries of looks declared beforehand, two-sided and symmetric.

    Look by look, the density of the sum so far among experiments that have not stopped is
    integrated against the step to the next look (P. Armitage, C. K. McPherson, B. C. Rowe, JRSS A
    132 (1969) 235-244), and the boundary is where the alpha due at this look lies beyond it.

    Args:
        fractions: Of the planned information (users), increasing, above 0 and up to 1. Only what
            has been looked at and is next matters: a boundary does not depend on later looks.
        alpha: Over all looks together; spent to the end where the last fraction is 1.

    Raises:
        ValueError: No look, fractions not increasing by 0.001 or outside 0 to 1, alpha outside 0
            to 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    if not fractions or not 0 < fractions[0] <= fractions[-1] <= 1:
        raise ValueError("fractions of the information must be above 0 and up to 1")
    if not all(later - earlier >= _STEP for earlier, later in pairwise(fractions)):
        raise ValueError(f"fractions of the information must increase, by {_STEP} at least")
    looks: list[Look] = []
    step, before, going = fractions[0], 0.0, _Going.start()
    for place, fraction in enumerate(fractions):
        due = spent(fraction, alpha)
        edge = going.edge((due - before) / 2, step, fraction)
        boundary = None if edge is None else edge / math.sqrt(fraction)
        looks.append(Look(fraction, boundary, due))
        if place + 1 < len(fractions):
            following = fractions[place + 1] - fraction
            limit = _FARTHEST * math.sqrt(fraction) if edge is None else edge
            going = going.after(step, limit, sharpest=min(step, following))
            step, before = following, due
    return tuple(looks)


@dataclass(frozen=True)
class _Going:
    """The sum so far among experiments still going: nodes, and the probability at each.

    The sum is a Brownian motion in the fraction of the information.
    """

    nodes: Floats
    masses: Floats

    @classmethod
    def start(cls) -> _Going:
        return cls(np.zeros(1), np.ones(1))

    def edge(self, probability: float, step: float, fraction: float) -> float | None:
        """Beyond which the sum is with this probability after a step; None if it is too small."""

        def beyond(edge: float) -> float:
            return float(self.masses @ ndtr((self.nodes - edge) / math.sqrt(step)))

        farthest = _FARTHEST * math.sqrt(fraction)
        if probability <= beyond(farthest):
            return None
        return _bisect(lambda edge: beyond(edge) - probability, farthest)

    def after(self, step: float, limit: float, sharpest: float) -> _Going:
        """Those whose sum is within the limit after a step of variance `step`."""
        panels = max(4, math.ceil(2 * limit / (_WIDTH * math.sqrt(sharpest))))
        points, weights = np.polynomial.legendre.leggauss(_NODES)
        half = limit / panels
        middles = -limit + half * (2 * np.arange(panels) + 1)
        nodes = (middles[:, None] + half * points).ravel()
        scaled = (nodes[:, None] - self.nodes) / math.sqrt(step)
        density = np.exp(-(scaled**2) / 2) @ self.masses / math.sqrt(2 * math.pi * step)
        return _Going(nodes, density * np.tile(half * weights, panels))


def _bisect(falling: Callable[[float], float], high: float) -> float:
    """Where a falling function crosses 0 between 0 and high, to the last bit."""
    low = 0.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
