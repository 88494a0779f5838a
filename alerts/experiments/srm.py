"""Sample ratio mismatch: do the arms hold the users that the weights promise?

Two tests of the same counts. The chi-square test is valid when it is looked at once; the Bayes
factor may be looked at every day. Weights may change: each period brings its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, gammaln, xlogy  # type: ignore[import-untyped]

from alerts.experiments.results import Refusal

# Of one period: arm -> (users assigned in it, weight in force). Weights are relative: 50 and 50
# say the same as 0.5 and 0.5.
Period = Mapping[str, tuple[int, float]]

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

P_VALUE = 0.001
BAYES_FACTOR = 1_000.0
# With fewer users to be expected in an arm (the first day of a ramp at 1 %) the chi-square
# distribution is no approximation: four users where 0.6 are due is no small chance of 1 in 60,000.
EXPECTED_USERS = 5
# How firmly the alternative believes in shares near the weights: deviations of about 0.5 points.
CONCENTRATION = 10_000.0


@dataclass(frozen=True, slots=True)
class Srm:
    """How well the users by arm agree with the weights.

    Users in an arm whose weight was 0 are impossible under the weights. They are a mismatch by
    both tests; `p_value` is then 0, and the other figures are of the users in arms with weight.

    Attributes:
        arms: Every arm named in any period, in order of appearance.
        observed: Users by arm.
        expected: Users in arms with weight, by the weights in force.
        chi2: (O − E)ᵀV⁻¹(O − E) over the arms with weight.
        df: Its degrees of freedom.
        p_value: Of the chi-square test; valid for one look.
        log10_bayes_factor: log10 of the evidence against the weights; valid at every look.
        is_mismatch: Whether p_value is below 0.001, and no arm too small for that to mean much.
        is_mismatch_anytime: Whether the Bayes factor has reached 1,000.
        reason: The arms without weight that have users, or None.
    """

    arms: tuple[str, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    chi2: float
    df: int
    p_value: float
    log10_bayes_factor: float
    is_mismatch: bool
    is_mismatch_anytime: bool
    reason: str | None = None


def srm(periods: Sequence[Period]) -> Srm | Refusal:
    """Tests the users by arm against the weights in force when they were assigned.

    Args:
        periods: Users and weight by arm, for each period of constant weights. An arm that a period
            does not name has no weight and no users in it.

    Returns:
        The result, or a refusal: `not started` without users, `only one arm has weight` where no
        period with users divides them.

    Raises:
        ValueError: Users or a weight below 0, or a weight that is not a number; no weight at all in
            a period.
    """
    arms = tuple(dict.fromkeys(arm for period in periods for arm in period))
    counts, weights = _tables(periods, arms)
    if not counts.sum():
        return Refusal("not started")
    stray = np.where(weights > 0, 0, counts).sum(axis=0)
    counted = np.where(weights > 0, counts, 0)
    kept = _one_less_per_group(weights[counted.sum(axis=1) > 0] > 0)
    if not kept.any() and not stray.any():
        return Refusal("only one arm has weight")
    expected = (counted.sum(axis=1)[:, None] * weights).sum(axis=0)
    chi2 = _chi_square(counted, weights, kept)
    df = int(kept.sum())
    p_value = 0.0 if stray.any() else float(chdtrc(df, chi2))
    evidence = sum(
        _log_bayes_factor(users, share) for users, share in zip(counted, weights, strict=True)
    ) / math.log(10)
    reason = _reason(arms, stray)
    return Srm(
        arms=arms,
        observed=tuple(int(users) for users in counts.sum(axis=0)),
        expected=tuple(float(users) for users in expected),
        chi2=chi2,
        df=df,
        p_value=p_value,
        log10_bayes_factor=evidence,
        is_mismatch=p_value < P_VALUE and (reason is not None or _is_enough(expected)),
        is_mismatch_anytime=reason is not None or evidence >= math.log10(BAYES_FACTOR),
        reason=reason,
    )


def _is_enough(expected: npt.NDArray[np.float64]) -> bool:
    return bool(min(filter(None, expected), default=0.0) >= EXPECTED_USERS)


def _tables(periods: Sequence[Period], arms: Sequence[str]) -> tuple[Counts, Shares]:
    """Users and normalized weights, a row per period and a column per arm."""
    rows = [[period.get(arm, (0, 0.0)) for arm in arms] for period in periods]
    counts = np.array([[users for users, _ in row] for row in rows], dtype=np.int64)
    weights = np.array([[float(weight) for _, weight in row] for row in rows])
    shape = len(periods), len(arms)
    counts, weights = counts.reshape(shape), weights.reshape(shape)
    if (counts < 0).any():
        raise ValueError("an arm has fewer than 0 users")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("a weight must be a number, 0 or more")
    totals = weights.sum(axis=1, keepdims=True)
    if (totals <= 0).any():
        raise ValueError("no arm has a weight in one of the periods")
    return counts, weights / totals


def _one_less_per_group(present: Flags) -> Flags:
    """The arms that remain when one arm is dropped from each group.

    The counts of a period add up to its users, so V is singular along every group of arms that
    share periods, directly or through others. Without one arm of each group it can be inverted,
    and which one is dropped changes nothing. All arms are one group unless the arms were exchanged
    for others from one period to the next.

    Args:
        present: Which arms have weight, a row per period with users.
    """
    arms = present.shape[1]
    group = list(range(arms))
    for row in present:
        together = {group[arm] for arm in np.flatnonzero(row)}
        group = [min(together) if one in together else one for one in group]
    kept: Flags = present.sum(axis=0) > 0
    kept &= np.array(group) != np.arange(arms)
    return kept


def _chi_square(counts: Counts, weights: Shares, kept: Flags) -> float:
    """(O − E)ᵀV⁻¹(O − E) with V = Σ n_p (diag w_p − w_p w_pᵀ), over the arms kept.

    Of one period this is Pearson's Σ (O − E)²/E.
    """
    if not kept.any():
        return 0.0
    totals = counts.sum(axis=1)
    shares = weights[:, kept]
    expected = totals @ shares
    covariance = np.diag(expected) - shares.T @ (totals[:, None] * shares)
    difference = counts[:, kept].sum(axis=0) - expected
    return float(difference @ np.linalg.solve(covariance, difference))


def _log_bayes_factor(users: Counts, share: Shares) -> float:
    """The log of the Dirichlet-multinomial over the multinomial probability of one period's counts.

    Under the weights this is a martingale from 1 as users arrive, so that it ever reaches 1,000
    has probability 1/1,000 at most; so has the product over periods.

    Source: M. Lindon, A. Malek, Anytime-Valid Inference for Multinomial Count Data, NeurIPS 2022.
    """
    weighted = share > 0
    seen, prior = users[weighted], CONCENTRATION * share[weighted]
    return float(
        gammaln(CONCENTRATION)
        - gammaln(CONCENTRATION + seen.sum())
        + (gammaln(prior + seen) - gammaln(prior)).sum()
        - xlogy(seen, share[weighted]).sum()
    )


def _reason(arms: Sequence[str], stray: Counts) -> str | None:
    named = [f"{users:,} in {arm}" for arm, users in zip(arms, stray, strict=True) if users]
    return f"users in an arm without weight: {', '.join(named)}" if named else None
