"""Post-stratification: the arms are compared within segments, then over the segments.

Miratrix, Sekhon and Yu 2013, Adjusting Treatment Effect Estimates by Post-Stratification in
Randomized Experiments, Journal of the Royal Statistical Society B 75, 369-396.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from alerts.experiments.comparison import MINIMUM_USERS, Level, Method, Scatter, compare
from alerts.experiments.estimates import estimate
from alerts.experiments.moments import ZERO, Moments
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.values import NO_DENOMINATOR, ONE, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.experiments.values import Kind

ONE_STRATUM = Refusal("one stratum")


@dataclass(frozen=True, slots=True)
class Stratum:
    """Segments that are compared as one.

    Attributes:
        segments: One, or those that were merged because an arm had fewer than 2 users in them.
        control: Moments of the control arm.
        treatment: Moments of the treatment arm.
    """

    segments: tuple[str, ...]
    control: Moments
    treatment: Moments

    @property
    def users(self) -> int:
        """Of both arms."""
        return self.control.users + self.treatment.users

    @property
    def is_thin(self) -> bool:
        """Whether an arm has too few users for a variance."""
        return min(self.control.users, self.treatment.users) < MINIMUM_USERS


@dataclass(frozen=True, slots=True)
class Poststratified:
    """Both estimates, and what the adjustment did.

    Attributes:
        unadjusted: Of the arms as they are.
        adjusted: With the same mix of segments in both arms; or why there is no adjustment, so
            that the unadjusted one counts.
        strata: What was compared, merged strata last.
        variance_cut: The share of the variance of the difference that is gone; None without
            adjustment.
    """

    unadjusted: Estimate
    adjusted: Estimate | Refusal
    strata: tuple[Stratum, ...]
    variance_cut: float | None = None


def poststratify(
    kind: Kind,
    control: Mapping[str, Moments],
    treatment: Mapping[str, Moments],
    *,
    alpha: float = 0.05,
) -> Poststratified | Refusal:
    """The comparison with the same mix of segments in both arms.

    A mean is Σ w m̄ over the strata, w a stratum's share in the users of both arms, its variance
    Σ w² s² / n (Miratrix, Sekhon and Yu 2013), Student's t with Satterthwaite's degrees of freedom.
    A ratio is the combined ratio R = Σ w m̄ / Σ w d̄, its variance Σ w² s² / n of
    (m − R d) / Σ w d̄ within the strata, normal (Cochran 1977, Sampling Techniques): unlike
    a mean of the strata's own ratios it is the metric itself, and strata with hardly any
    denominator do no harm. The shares are taken as given: the difference is for this mix of users.
    The lift is not: both levels move with the mix, by what control's strata differ.

    Args:
        kind: Of the metric.
        control: Moments of the control arm by segment. A user's segment must be known before
            exposure; a segment that is missing has no users.
        treatment: Moments of the treatment arm by segment.
        alpha: Of the intervals.

    Returns:
        Figures in the metric's unit, method `post-stratified`. Where there is no adjustment,
        `adjusted` says why: `one stratum`, `zero variance`, `numbers too large`. A refusal in place
        of it all where the unadjusted test is refused.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    whole = [sum(arm.values(), start=Moments(0)) for arm in (control, treatment)]
    unadjusted = estimate(kind, *whole, alpha=alpha)
    if isinstance(unadjusted, Refusal):
        return unadjusted
    strata = merged(control, treatment)
    if len(strata) == 1:
        return Poststratified(unadjusted, ONE_STRATUM, strata)
    users = unadjusted.users
    shares = [Fraction(stratum.users, users) for stratum in strata]
    first, second = ([s.control for s in strata], [s.treatment for s in strata])
    values = _value(kind, shares, first), _value(kind, shares, second)
    if values[0] is None or values[1] is None:
        return NO_DENOMINATOR
    levels = _level(shares, first, values[0]), _level(shares, second, values[1])
    mix = _mix(shares, first, values[0], users)
    scatter = Scatter(levels[0].variance + mix, levels[1].variance + mix, mix)
    method = Method("post-stratified", student=kind == "mean", alpha=alpha)
    adjusted = compare(*levels, method, users, scatter)
    if isinstance(adjusted, Refusal):
        return Poststratified(unadjusted, adjusted, strata)
    cut = 1 - (adjusted.std_error / unadjusted.std_error) ** 2
    return Poststratified(unadjusted, adjusted, strata, cut)


def merged(control: Mapping[str, Moments], treatment: Mapping[str, Moments]) -> tuple[Stratum, ...]:
    """The strata, each with at least 2 users per arm.

    Segments with fewer in either arm make up one stratum. While that has fewer itself, the smallest
    of the others joins it (by users of both arms, then by name). Only counts of users decide, never
    the metric, and the order of the segments does not matter.

    Args:
        control: Moments of the control arm by segment.
        treatment: Moments of the treatment arm by segment. Both arms have 2 users at least.
    """
    none = Moments(0)
    strata = [
        Stratum((name,), control.get(name, none), treatment.get(name, none))
        for name in sorted(control.keys() | treatment.keys())
    ]
    thin = [stratum for stratum in strata if stratum.is_thin and stratum.users]
    kept = sorted((s for s in strata if not s.is_thin), key=lambda s: (s.users, s.segments))
    while thin and (rest := _union(thin)).is_thin and kept:
        thin.append(kept.pop(0))
    kept.sort(key=lambda stratum: stratum.segments)
    return (*kept, rest) if thin else tuple(kept)


def _union(strata: Sequence[Stratum]) -> Stratum:
    return Stratum(
        tuple(sorted(name for stratum in strata for name in stratum.segments)),
        sum((stratum.control for stratum in strata), start=Moments(0)),
        sum((stratum.treatment for stratum in strata), start=Moments(0)),
    )


def _value(kind: Kind, shares: Sequence[Fraction], cells: Sequence[Moments]) -> Value | None:
    """The metric in an arm, `cells` by stratum, with the shares of both arms; None without d."""
    numerator = _mean(shares, [cell.mean("m") for cell in cells])
    if kind == "mean":
        return Value(numerator, (("m", ONE),))
    denominator = _mean(shares, [cell.mean("d") for cell in cells])
    if denominator == 0:
        return None
    ratio = numerator / denominator
    return Value(ratio, (("m", 1 / denominator), ("d", -ratio / denominator)))


def _level(shares: Sequence[Fraction], cells: Sequence[Moments], value: Value) -> Level:
    """Each stratum is a part of the variance, w² s² / n."""
    variances = (
        share**2 * cell.weighted_covariance(value.weights, value.weights) / cell.users
        for share, cell in zip(shares, cells, strict=True)
    )
    degrees = (cell.users - 1 for cell in cells)
    return Level(value.mean, tuple(zip(variances, degrees, strict=True)))


def _mix(
    shares: Sequence[Fraction], cells: Sequence[Moments], value: Value, users: int
) -> Fraction:
    """The variance that the shares themselves bring into a level: Σ w (μ − μ̄)² / N."""
    levels = [
        sum((weight * cell.mean(total) for total, weight in value.weights), start=ZERO)
        for cell in cells
    ]
    middle = _mean(shares, levels)
    return _mean(shares, [(level - middle) ** 2 for level in levels]) / users


def _mean(shares: Sequence[Fraction], values: Sequence[Fraction]) -> Fraction:
    return sum((share * value for share, value in zip(shares, values, strict=True)), start=ZERO)
