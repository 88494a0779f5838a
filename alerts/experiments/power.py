"""How many users an experiment needs, what power it has, and what it can find.

Two-sided tests at level alpha. Power is the chance of a significant difference of the right sign:
the far tail, where noise makes a gain look like a significant loss, is no success (at a power of
0.8 it holds one in a million). Both arms have the same size; of different sizes give the harmonic
mean, 2 / (1/n + 1/m), which is exact where the variances are equal.

Two models of the noise. *Proportions*: independent 0/1 events, Var = p(1 − p)/n in each arm at its
own rate, times a design effect where the events come in users. *Metrics*: per user, any mean or
ratio, by a variance per user that both arms share.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

from alerts.experiments.distributions import critical
from alerts.experiments.results import Refusal

if TYPE_CHECKING:
    from alerts.experiments.moments import Moments

ALPHA = 0.05
POWER = 0.8


def proportion_users(
    rate: float,
    lift: float,
    *,
    alpha: float = ALPHA,
    power: float = POWER,
    design_effect: float = 1.0,
) -> int | Refusal:
    """Events per arm that find a relative lift of a rate.

    n = (z_{α/2} + z_β)² (p₁(1 − p₁) + p₂(1 − p₂)) / (p₂ − p₁)², unpooled, × design effect (Fleiss,
    Levin, Paik, Statistical Methods for Rates and Proportions, ch. 4, without continuity
    correction).

    Args:
        rate: In the control arm, between 0 and 1.
        lift: Relative; 0.03 is +3 %. Negative for a fall.
        alpha: Of the two-sided test.
        power: Chance to find the lift, between alpha / 2 and 1.
        design_effect: Variance over that of independent events; see `design_effect`.

    Returns:
        Events (of CTR: impressions) per arm, or a refusal where the lift is 0 or the treatment's
        rate would not be a rate.

    Raises:
        ValueError: A probability outside its bounds or a design effect that is not above 0.
    """
    _check(alpha, power)
    variance = _proportion_variance(rate, lift, design_effect)
    if isinstance(variance, Refusal):
        return variance
    return _users(rate * lift, variance, alpha, power)


def proportion_power(
    rate: float,
    lift: float,
    users: float,
    *,
    alpha: float = ALPHA,
    design_effect: float = 1.0,
) -> float | Refusal:
    """The power that `users` events per arm have; arguments and errors as in `proportion_users`."""
    _check(alpha)
    variance = _proportion_variance(rate, lift, design_effect)
    if isinstance(variance, Refusal):
        return variance
    return _power(rate * lift, variance, users, alpha)


def proportion_lift(
    rate: float,
    users: float,
    *,
    alpha: float = ALPHA,
    power: float = POWER,
    design_effect: float = 1.0,
) -> float | Refusal:
    """The smallest relative gain that `users` events per arm find with this power.

    With N = n / design effect and z = z_{α/2} + z_β the difference δ solves
    N δ² = z² (p(1 − p) + (p + δ)(1 − p − δ)), a quadratic of which it is the root above 0.

    Returns:
        The lift, 0.03 for +3 %, or a refusal where even a rate of 1 would not be found.

    Raises:
        ValueError: As in `proportion_users`.
    """
    _check(alpha, power)
    _check_rate(rate, design_effect)
    if not _some(users):
        return Refusal("not started")
    z2 = _z(alpha, power) ** 2
    a, b, c = users / design_effect + z2, z2 * (2 * rate - 1), -2 * z2 * rate * (1 - rate)
    # The form that does not cancel: of b > 0 the plain one subtracts two numbers that agree.
    root = math.sqrt(b * b - 4 * a * c)
    difference = 2 * -c / (b + root) if b > 0 else (root - b) / (2 * a)
    if rate + difference > 1:
        return Refusal("too few users to find any lift")
    return difference / rate


def metric_users(
    level: float, variance: float, lift: float, *, alpha: float = ALPHA, power: float = POWER
) -> int | Refusal:
    """Users per arm that find a relative lift of a mean or a ratio.

    n = (z_{α/2} + z_β)² · 2 Var / δ².

    Args:
        level: Of the metric in the control arm, in its unit, not 0.
        variance: Per user, in the square of the unit: sd² for a mean per user, `delta_variance`
            for a ratio. The same in both arms.
        lift: Relative; 0.03 is +3 %. Negative for a fall.
        alpha: Of the two-sided test.
        power: Chance to find the lift, between alpha / 2 and 1.

    Returns:
        Users per arm, or a refusal where the level, the lift or the variance is 0.

    Raises:
        ValueError: A probability outside its bounds, or a variance below 0 or not a number.
    """
    _check(alpha, power)
    refusal = _metric_refusal(level, variance, lift)
    return refusal or _users(level * lift, 2 * variance, alpha, power)


def metric_power(
    level: float, variance: float, lift: float, users: float, *, alpha: float = ALPHA
) -> float | Refusal:
    """The power that `users` users per arm have; arguments and errors as in `metric_users`."""
    _check(alpha)
    refusal = _metric_refusal(level, variance, lift)
    return refusal or _power(level * lift, 2 * variance, users, alpha)


def metric_lift(
    level: float, variance: float, users: float, *, alpha: float = ALPHA, power: float = POWER
) -> float | Refusal:
    """The smallest relative lift, of either sign, that `users` users per arm find with this power.

    δ = (z_{α/2} + z_β) √(2 Var / n); arguments and errors as in `metric_users`.
    """
    _check(alpha, power)
    refusal = _metric_refusal(level, variance, 1.0)
    if refusal is not None:
        return refusal
    if not _some(users):
        return Refusal("not started")
    return _z(alpha, power) * math.sqrt(2 * variance / users) / abs(level)


def delta_variance(moments: Moments) -> float | Refusal:
    """The variance of a ratio Σm/Σd, times the users: what one user adds to it.

    (s_m² − 2R s_md + R² s_d²) / d̄², by the delta method with users as the units (Deng, Knoblich,
    Lu, Applying the Delta Method in Metric Analytics, KDD 2018). Of a metric per user (d = 1) it
    is the variance of m.

    Returns:
        In the square of the ratio's unit, or a refusal: `fewer than 2 users`, `zero denominator`.
    """
    if moments.users < 2:
        return Refusal("fewer than 2 users")
    if not moments.sum_d:
        return Refusal("zero denominator")
    ratio = moments.sum_m / moments.sum_d
    spread = (
        moments.covariance("m", "m")
        - 2 * ratio * moments.covariance("m", "d")
        + ratio**2 * moments.covariance("d", "d")
    )
    return float(spread / moments.mean("d") ** 2)


def design_effect(moments: Moments) -> float | Refusal:
    """How much larger the variance of a rate is than if its events were independent.

    The user-level variance of R = Σm/Σd over the binomial R(1 − R)/Σd. It grows with events per
    user: take it from a window as long as the experiment.

    Args:
        moments: Of a rate: each of a user's d events counts 0 or 1 in m.

    Returns:
        The factor, or a refusal: as in `delta_variance`, `zero variance` for a rate of 0 or 1, `not
        a rate` outside.
    """
    variance = delta_variance(moments)
    if isinstance(variance, Refusal):
        return variance
    rate = moments.sum_m / moments.sum_d
    if not 0 <= rate <= 1:
        return Refusal("not a rate")
    if rate in {0, 1}:
        return Refusal("zero variance")
    binomial = rate * (1 - rate) / moments.sum_d
    return variance / moments.users / float(binomial)


def _users(difference: float, variance: float, alpha: float, power: float) -> int | Refusal:
    """Users per arm, rounded up, where the difference has `variance` / n."""
    z = _z(alpha, power)
    # Products: the power of a large float raises.
    needed = variance * z * z / difference / difference if difference else math.inf
    return math.ceil(needed) if math.isfinite(needed) else Refusal("lift too small to find")


def _power(difference: float, variance: float, users: float, alpha: float) -> float | Refusal:
    if not _some(users):
        return Refusal("not started")
    return float(ndtr(abs(difference) * math.sqrt(users / variance) - critical(alpha)))


def _z(alpha: float, power: float) -> float:
    return critical(alpha) + float(ndtri(power))


def _proportion_variance(rate: float, lift: float, factor: float) -> float | Refusal:
    """Of the difference of two rates, times the events per arm."""
    _check_rate(rate, factor)
    treatment = rate * (1 + lift)
    if not lift:
        return Refusal("no lift to find")
    if not 0 <= treatment <= 1:
        return Refusal("a rate outside 0 to 1")
    return factor * (rate * (1 - rate) + treatment * (1 - treatment))


def _metric_refusal(level: float, variance: float, lift: float) -> Refusal | None:
    if not (math.isfinite(variance) and variance >= 0):
        raise ValueError("a variance must be a number, 0 or more")
    if not (level and math.isfinite(level)):
        return Refusal("control not distinguishable from 0")
    if not (lift and math.isfinite(lift)):
        return Refusal("no lift to find")
    return None if variance else Refusal("zero variance")


def _check(alpha: float, power: float | None = None) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    if power is not None and not alpha / 2 < power < 1:
        raise ValueError(f"power must be between alpha / 2 and 1, not {power}")


def _check_rate(rate: float, factor: float) -> None:
    if not 0 < rate < 1:
        raise ValueError(f"a rate must be between 0 and 1, not {rate}")
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError(f"a design effect must be above 0, not {factor}")


def _some(users: float) -> bool:
    return math.isfinite(users) and users > 0
