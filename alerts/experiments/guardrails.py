"""Guardrails: is a metric that must not suffer no worse than in the control arm?

A guardrail has a direction and a margin, as in `ab-test-guardrails.yaml`: `lower_is_better` with
`+5%` allows a rise of up to 5 % of control. With a margin the treatment must be shown to lie within
it. Without one it fails when it is significantly worse and passes otherwise: to be shown no worse
at all it would have to be better, which 97.5 % of treatments without any effect are not.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr  # type: ignore[import-untyped]

from alerts.experiments.distributions import critical
from alerts.experiments.results import Interval, Refusal
from alerts.experiments.sequential import lower_confidence_sequence

Direction = Literal["lower_is_better", "higher_is_better"]
Outcome = Literal["pass", "fail", "inconclusive"]

# The chance that any guardrail pauses an experiment without harm, all days together.
PAUSE_ALPHA = 0.01
_MARGIN = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)\s*(%?)")


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse than control is still accepted.

    Attributes:
        size: 0 or more; a share of the control's level if relative (0.05 is 5 %), else in the
            metric's unit.
        relative: Which of both.
    """

    size: float
    relative: bool

    def __post_init__(self) -> None:
        """Rejects what is no margin."""
        if not (math.isfinite(self.size) and self.size >= 0):
            raise ValueError(f"a margin must be a number, 0 or more, not {self.size}")


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that must not suffer.

    Attributes:
        name: Of the metric.
        direction: Which way is better.
        margin: How much worse is accepted.
    """

    name: str
    direction: Direction
    margin: Margin


@dataclass(frozen=True, slots=True)
class Level:
    """A metric in one arm.

    Attributes:
        value: In the metric's unit.
        std_error: Of the value, as the tests of experiments have it (users are the units).
        users: Behind it.
    """

    value: float
    std_error: float
    users: int


@dataclass(frozen=True, slots=True)
class Watch:
    """How the guardrails of an experiment are watched; fixed before its start.

    Attributes:
        guardrails: How many may pause the experiment, over all its treatment arms.
        horizon_users: Of both arms as planned.
        minimum_users: Per arm, before anything is paused.
    """

    guardrails: int
    horizon_users: int
    minimum_users: int = 100

    def __post_init__(self) -> None:
        """Rejects what cannot be watched."""
        if self.guardrails < 1 or self.horizon_users < 1:
            raise ValueError("there must be at least 1 guardrail, and 1 user at the horizon")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a guardrail says at the horizon.

    `excess` is by how much the treatment is worse than control and margin allow, in the metric's
    unit: above 0 is beyond the margin, whichever way is better.

    Attributes:
        outcome: `pass` where the interval of the excess lies below 0 (without a margin: where it
            does not lie above), `fail` where it lies above, else `inconclusive`.
        excess: Estimate.
        std_error: Of the excess.
        interval: Of the excess, at 1 − alpha.
        p_within: One-sided, against an excess of 0 or more.
        p_beyond: One-sided, against an excess of 0 or less.
        alpha: Two-sided; each p-value is compared with half of it.
    """

    outcome: Outcome
    excess: float
    std_error: float
    interval: Interval
    p_within: float
    p_beyond: float
    alpha: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether a guardrail has failed so surely that the experiment should be paused today.

    Attributes:
        is_due: Whether the excess is above 0 by its confidence sequence.
        excess: Estimate, as in `Judgement`.
        at_least: What the excess is at least, at all looks together.
        p_value: Of the sequence; compare with alpha.
        alpha: This guardrail's part of 0.01.
    """

    is_due: bool
    excess: float
    at_least: float
    p_value: float
    alpha: float


def read_margin(threshold: str | float, direction: Direction) -> Margin:
    """A margin as the guardrail file writes it: `+5%`, `-0.2%`, `0`, `+0.01`.

    With a percent sign it is relative to control, without one in the metric's unit. The sign says
    which way the metric may move, and must be the way that is worse.

    Raises:
        ValueError: What is no number, or a sign that would ask for an improvement.
    """
    # Without an exponent: a number that YAML has read already goes the same way.
    text = threshold.strip() if isinstance(threshold, str) else f"{threshold:.17f}"
    match = None if isinstance(threshold, bool) else _MARGIN.fullmatch(text)
    if match is None:
        raise ValueError(f"a threshold must be like +5%, -0.2%, 0 or +0.01, not {threshold!r}")
    sign, digits, percent = match.groups()
    size = float(digits) / (100 if percent else 1)
    worse = "+" if direction == "lower_is_better" else "-"
    if size and (sign or "+") != worse:
        raise ValueError(
            f"a threshold of {threshold} with {direction} asks for an improvement; what may be "
            f"lost is written {worse}{float(digits):g}{percent}"
        )
    return Margin(size, relative=bool(percent))


def judge(
    guardrail: Guardrail,
    control: Level,
    treatment: Level,
    *,
    alpha: float = 0.05,
    minimum_users: int = 100,
) -> Judgement | Refusal:
    """Judges a guardrail once, at the horizon, by the fixed test.

    Args:
        guardrail: What must not suffer.
        control: The metric in the control arm.
        treatment: The metric in the treatment arm.
        alpha: Two-sided: a treatment exactly at the margin passes with probability alpha / 2.
        minimum_users: Per arm; with fewer the normal distribution is no approximation.

    Returns:
        The judgement, or a refusal: `not started`, `fewer than N users`, `zero variance`, `no
        estimate`, `control below 0` where the margin is relative.

    Raises:
        ValueError: alpha outside 0 to 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    beyond = _excess(guardrail, control, treatment, minimum_users)
    if isinstance(beyond, Refusal):
        return beyond
    excess, std_error = beyond
    statistic, radius = excess / std_error, critical(alpha) * std_error
    p_within, p_beyond = float(ndtr(statistic)), float(ndtr(-statistic))
    return Judgement(
        outcome=_outcome(guardrail, p_within, p_beyond, alpha),
        excess=excess,
        std_error=std_error,
        interval=Interval(excess - radius, excess + radius),
        p_within=p_within,
        p_beyond=p_beyond,
        alpha=alpha,
    )


def pause(guardrail: Guardrail, control: Level, treatment: Level, watch: Watch) -> Pause | Refusal:
    """Decides whether harm beyond the margin is certain enough to pause, at any look.

    By the one-sided confidence sequence at 0.01 / guardrails: an experiment without harm is paused
    by any of them, on any day, with probability 0.01 at most.

    Args:
        guardrail: What must not suffer.
        control: The metric in the control arm, so far.
        treatment: The metric in the treatment arm, so far.
        watch: How the experiment is watched.

    Returns:
        The decision, or a refusal as in `judge`.
    """
    alpha = PAUSE_ALPHA / watch.guardrails
    beyond = _excess(guardrail, control, treatment, watch.minimum_users)
    if isinstance(beyond, Refusal):
        return beyond
    look = lower_confidence_sequence(
        *beyond,
        control.users + treatment.users,
        horizon_users=watch.horizon_users,
        alpha=alpha,
    )
    if isinstance(look, Refusal):
        return look
    return Pause(look.bound > 0, beyond[0], look.bound, look.p_value, alpha)


def _excess(
    guardrail: Guardrail, control: Level, treatment: Level, minimum_users: int
) -> tuple[float, float] | Refusal:
    """By how much the treatment is beyond the margin, and the standard error of that.

    Of a relative margin m the question is whether treatment = (1 ± m) control, which is linear in
    both: its error is √(se_t² + (1 ± m)² se_c²), without dividing by a control that may be near 0.
    Fieller's set consists of exactly the m that this test does not reject, so it agrees with the
    interval of the lift, and still decides where that interval is unbounded.
    """
    refusal = _refusal(guardrail, control, treatment, minimum_users)
    if refusal is not None:
        return refusal
    sign = 1 if guardrail.direction == "lower_is_better" else -1
    margin = guardrail.margin
    factor = 1 + sign * margin.size if margin.relative else 1.0
    allowed = 0.0 if margin.relative else margin.size
    excess = sign * (treatment.value - factor * control.value) - allowed
    std_error = math.hypot(treatment.std_error, factor * control.std_error)
    return (excess, std_error) if std_error else Refusal("zero variance")


def _refusal(
    guardrail: Guardrail, control: Level, treatment: Level, minimum_users: int
) -> Refusal | None:
    fewest = min(control.users, treatment.users)
    figures = (control.value, control.std_error, treatment.value, treatment.std_error)
    if not (control.users or treatment.users):
        return Refusal("not started")
    if fewest < minimum_users:
        return Refusal(f"fewer than {minimum_users} users")
    if not all(math.isfinite(figure) for figure in figures):
        return Refusal("no estimate")
    if guardrail.margin.relative and guardrail.margin.size and control.value < 0:
        return Refusal("control below 0")
    return None


def _outcome(guardrail: Guardrail, p_within: float, p_beyond: float, alpha: float) -> Outcome:
    if p_beyond < alpha / 2:
        return "fail"
    if p_within < alpha / 2 or not guardrail.margin.size:
        return "pass"
    return "inconclusive"
