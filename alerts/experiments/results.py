"""What a test says: an estimate, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A test that cannot be done.

    Attributes:
        reason: `no control`, `fewer than N users`, `zero variance`, `one day`, `not started`, or
            another short phrase that a person understands.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval or set; a bound that does not exist is None.

    Attributes:
        low: Lower bound, or None where unbounded below.
        high: Upper bound, or None where unbounded above.
    """

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Lift:
    """A relative difference, treatment / control − 1.

    Attributes:
        value: The estimate; 0.03 is +3 %. None where control is not above 0, since the sign of
            the quotient would then say the opposite of what happened, or nothing.
        interval: Fieller's set where it is an interval; both bounds None where it is not.
        note: Why there is no interval, or None where there is one: `control not distinguishable
            from 0`, `control below 0`, `numbers too large`.
    """

    value: float | None
    interval: Interval
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A comparison of a treatment arm with control.

    Attributes:
        method: `delta`, `welch`, `cuped`, `post-stratified`, `impression-level z`, …
        control: Level of the metric in the control arm, in the metric's unit (adjusted, where the
            method adjusts).
        treatment: The same in the treatment arm.
        difference: Treatment − control.
        std_error: Of the difference.
        statistic: difference / std_error.
        degrees_of_freedom: Of Student's t; None for the normal distribution.
        p_value: Two-sided.
        interval: Of the difference, at 1 − alpha.
        lift: The relative difference with its own interval at 1 − alpha.
        alpha: Of the intervals.
        users: Of both arms together; impressions where the method is `impression-level z`.
    """

    method: str
    control: float
    treatment: float
    difference: float
    std_error: float
    statistic: float
    degrees_of_freedom: float | None
    p_value: float
    interval: Interval
    lift: Lift
    alpha: float
    users: int
