"""The plan's two-proportion z-test, printed beside the test of users; it decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from alerts.experiments.comparison import NO_CONTROL, NO_TREATMENT, ZERO_VARIANCE
from alerts.experiments.distributions import critical, two_sided
from alerts.experiments.lift import Pair, fieller
from alerts.experiments.results import Estimate, Interval, Refusal

METHOD = "impression-level z"


@dataclass(frozen=True, slots=True)
class Counts:
    """Impressions of one arm, and how many of them were clicked.

    Attributes:
        clicks: Not below 0.
        impressions: Not below 0.
    """

    clicks: int
    impressions: int

    @property
    def rate(self) -> Fraction:
        """Clicks per impression."""
        return Fraction(self.clicks, self.impressions)

    @property
    def variance(self) -> Fraction:
        """Of the rate, were impressions independent: p (1 − p) / n."""
        return self.rate * (1 - self.rate) / self.impressions


def two_proportions(
    control: Counts | None, treatment: Counts | None, *, alpha: float = 0.05
) -> Estimate | Refusal:
    """The difference of two click rates as if each impression were randomized by itself.

    z = (p_t − p_c) / √(p (1 − p) (1/n_c + 1/n_t)) with p of both arms together; the interval is
    p_t − p_c ± z √(p_c (1 − p_c) / n_c + p_t (1 − p_t) / n_t) (Fleiss, Levin and Paik 2003,
    Statistical Methods for Rates and Proportions). Hence z and interval can part by a hair;
    `std_error` is that of z, the lift is Fieller's with the variances of the interval. Users, not
    impressions, are randomized, so a nominal 5 % is 7 to 40 %: the figure is for comparison only.

    Args:
        control: Counts of the control arm; None where there is no such arm.
        treatment: Counts of the treatment arm.
        alpha: Of the intervals.

    Returns:
        Rates from 0 to 1, method `impression-level z`, `users` in impressions; or a refusal: `no
        control`, `no treatment` (without impressions), `more clicks than impressions`, `zero
        variance`.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}, must be between 0 and 1")
    if control is None or control.impressions == 0:
        return NO_CONTROL
    if treatment is None or treatment.impressions == 0:
        return NO_TREATMENT
    if control.clicks > control.impressions or treatment.clicks > treatment.impressions:
        return Refusal("more clicks than impressions")
    return _compared(control, treatment, alpha)


def _compared(control: Counts, treatment: Counts, alpha: float) -> Estimate | Refusal:
    both = Counts(control.clicks + treatment.clicks, control.impressions + treatment.impressions)
    each = Fraction(1, control.impressions) + Fraction(1, treatment.impressions)
    pooled = sqrt(both.variance * both.impressions * each)
    unpooled = sqrt(control.variance + treatment.variance)
    # Unpooled it is 0 too where one arm has no click and the other nothing else.
    if unpooled == 0:
        return ZERO_VARIANCE
    difference, quantile = float(treatment.rate - control.rate), critical(alpha)
    reach = quantile * unpooled
    pair = Pair(
        control=float(control.rate),
        difference=difference,
        control_variance=float(control.variance),
        treatment_variance=float(treatment.variance),
        covariance=0.0,
        reach=reach,
    )
    statistic = difference / pooled
    return Estimate(
        method=METHOD,
        control=pair.control,
        treatment=float(treatment.rate),
        difference=difference,
        std_error=pooled,
        statistic=statistic,
        degrees_of_freedom=None,
        p_value=two_sided(statistic),
        interval=Interval(difference - reach, difference + reach),
        lift=fieller(pair, quantile),
        alpha=alpha,
        users=both.impressions,
    )
