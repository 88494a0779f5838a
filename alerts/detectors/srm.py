"""The users by arm against the weights, day by day.

The test itself is `alerts.experiments.srm`. It takes long enough that a year of days of many
experiments would be waited for, and nearly all of them are plainly fine: those are told by two
sums that need no distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from alerts.detectors.series import Examined, Verdict
from alerts.experiments.distributions import critical
from alerts.experiments.results import Refusal
from alerts.experiments.srm import BAYES_FACTOR, EXPECTED_USERS, Srm, srm
from alerts.experiments.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.detectors.series import Limit, Series
    from alerts.experiments.srm import Period

# Of the statistic 2 ln(quotient of likelihoods); here as in `_far` a hundredth is for rounding.
_LIKELIHOOD = 0.99 * 2 * math.log(BAYES_FACTOR)
_EVIDENCE = math.log10(BAYES_FACTOR)


@dataclass(frozen=True, slots=True)
class Split(Examined):
    """Users and weight by arm, for each weight period, at the end of a day.

    Attributes:
        periods: As the test takes them.
        counted: assigned or exposed users.
        result: What the test says; None where it was not needed.
    """

    periods: Sequence[Period]
    counted: str
    result: Srm | Refusal | None = None

    @property
    def denominator(self) -> float:
        """Users of all arms."""
        return float(sum(users for period in self.periods for users, _ in period.values()))

    def tested(self) -> Srm | Refusal:
        """The test, on the periods that weigh their arms at all."""
        weighed = [one for one in self.periods if any(weight for _, weight in one.values())]
        return srm(weighed) if weighed else Refusal("no arm has a weight")

    def sentence(self, verdict: Verdict, limit: Limit) -> str:
        """The users of each arm, those to be expected, and both tests."""
        result = self.result or self.tested()
        if isinstance(result, Refusal):
            none = "not started" in result.reason
            why = f"no user is {self.counted} yet" if none else result.reason
            return f"the split of {self.counted} users cannot be tested: {why}"
        seen = _listed(result.arms, result.observed)
        due = _listed(result.arms, result.expected)
        small = limit.breached(result.p_value)
        if verdict.outcome == "too_few":
            few = f"fewer than {EXPECTED_USERS} are to be expected in an arm"
            return f"{self.counted} users {seen}: {few}, too few for a p-value"
        tests = f"p {result.p_value:.2g} {'' if small else 'not '}{limit.operator} {limit.bound:g}"
        found = result.log10_bayes_factor
        tests += f", log10 of the Bayes factor {found:.2g}"
        if result.is_mismatch_anytime and not small:
            tests += f", beyond {_EVIDENCE:g}"
        if result.reason:
            tests += f"; {result.reason}"
        what = "sample ratio mismatch: " if verdict.outcome == "breach" else ""
        return f"{what}{self.counted} users {seen} where {due} were to be expected ({tests})"


def judge(series: Series, limit: Limit) -> list[Verdict]:
    """A verdict for each day; its value is the p-value, None on days that are plainly fine.

    A day is a breach by the p-value or by the Bayes factor, which may be looked at daily. What
    cannot be tested, for want of users or of a second arm, is `too_few`. Where an arm was to hold
    fewer than five users the Bayes factor decides alone, and without a mismatch by it the day is
    `too_few` as well.
    """
    last = len(series.buckets) - 1
    return [
        _verdict(bucket, point, limit, newest=place == last)
        for place, (bucket, point) in enumerate(zip(series.buckets, series.points, strict=True))
    ]


def _verdict(bucket: date, point: object, limit: Limit, *, newest: bool) -> Verdict:
    if not isinstance(point, Split):
        return Verdict(bucket, "no_data", None, None)
    if not newest and plainly_fine(point.periods, limit.bound):
        return Verdict(bucket, "ok", None, point)
    result = point.tested()
    point = Split(point.periods, point.counted, result)
    if isinstance(result, Refusal):
        return Verdict(bucket, "too_few", None, point)
    if result.is_mismatch_anytime:
        return Verdict(bucket, "breach", result.p_value, point)
    if min(one for one in result.expected if one) < EXPECTED_USERS:
        return Verdict(bucket, "too_few", result.p_value, point)
    return Verdict(bucket, limit.judge(result.p_value), result.p_value, point)


def plainly_fine(periods: Sequence[Period], bound: float) -> bool:
    """Whether neither test can find a mismatch; False where that takes the tests themselves.

    Pearson's statistics of the periods add up to no less than the chi-square of all, whose
    critical value is least at one degree of freedom; and the Bayes factor is at most the quotient
    of likelihoods at its maximum.
    """
    chi2 = likelihood = 0.0
    due: dict[str, float] = {}
    divided = False
    for period in periods:
        users = sum(one for one, _ in period.values())
        weights = sum(weight for _, weight in period.values())
        if not weights:
            return False
        for arm, (seen, weight) in period.items():
            expected = users * weight / weights
            if not expected:
                if seen:
                    return False
                continue
            divided |= expected < users
            due[arm] = due.get(arm, 0.0) + expected
            chi2 += (seen - expected) ** 2 / expected
            likelihood += 2 * seen * math.log(seen / expected) if seen else 0.0
    tested = divided and min(due.values()) >= EXPECTED_USERS
    return tested and chi2 < _far(bound) and likelihood < _LIKELIHOOD


@cache
def _far(bound: float) -> float:
    """Below it a chi-square of any degrees of freedom has a greater p-value than the bound."""
    return 0.99 * critical(bound) ** 2


def _listed(arms: Sequence[str], users: Sequence[float]) -> str:
    return ", ".join(f"{arm} {count(one)}" for arm, one in zip(arms, users, strict=True))
