"""A guardrail of an experiment in one treatment arm, day by day: is harm certain?

By `alerts.experiments.guardrails.pause`: a one-sided confidence sequence, which may be looked at
every day. Levels and errors are computed exactly where the verdict or the message needs them; a
day on which floats leave no doubt that nothing fires takes no more than these.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import hypot, log1p, sqrt
from typing import TYPE_CHECKING, NamedTuple

from alerts.detectors.series import Examined, Verdict
from alerts.experiments.comparison import NO_CONTROL, NO_TREATMENT, Arms
from alerts.experiments.guardrails import PAUSE_ALPHA, Guardrail, Level, Pause, Watch, pause
from alerts.experiments.moments import Moments
from alerts.experiments.results import Refusal
from alerts.experiments.values import level, outcomes
from alerts.experiments.wording import difference, signed_percent
from alerts.experiments.wording import level as shown_level

if TYPE_CHECKING:
    from datetime import date

    from alerts.detectors.series import Limit, Series
    from alerts.experiments.values import Kind


class Sums(NamedTuple):
    """Moments of an arm, as far as a guardrail needs them."""

    users: int
    sum_m: float
    sum_d: float
    sum_mm: float
    sum_dd: float
    sum_md: float

    def moments(self) -> Moments:
        """Exactly: the shortest digits of a float are those of the mart's decimal."""
        exact = {name: Fraction(repr(value)) for name, value in self._asdict().items()}
        return Moments.of(self.users, {k: v for k, v in exact.items() if k != "users"})

    def roughly(self, kind: Kind) -> tuple[float, float] | None:
        """Level and variance of the level in floats; None where there is none."""
        n = self.users
        if n < 2:
            return None
        if kind == "mean":
            return self.sum_m / n, (self.sum_mm - self.sum_m**2 / n) / (n - 1) / n
        if not self.sum_d:
            return None
        ratio = self.sum_m / self.sum_d
        squares = self.sum_mm - 2 * ratio * self.sum_md + ratio * ratio * self.sum_dd
        return ratio, squares * n / (n - 1) / self.sum_d**2


@dataclass(frozen=True)
class Guarded:
    """What is judged, the same for every day.

    Attributes:
        guardrail: Direction and margin; its name as whoever wants it wrote it.
        metric: What is measured.
        kind: Which test it takes.
        is_share: Whether levels are shares.
        scale: What figures are multiplied by for people.
        control: Name of the control arm.
        treatment: Name of the treatment arm.
        watch: How it is watched.
        note: What a reader should know beside.
    """

    guardrail: Guardrail
    metric: str
    kind: Kind
    is_share: bool
    scale: float
    control: str
    treatment: str
    watch: Watch
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Pair(Examined):
    """Both arms at the end of a day; None for one without a row.

    Attributes:
        guarded: What is judged.
        control: Of the control arm.
        treatment: Of the treatment arm.
        levels: Both, exactly; or why there are none. None where that was not needed.
        result: What the confidence sequence says; None where that was not needed.
    """

    guarded: Guarded
    control: Sums | None
    treatment: Sums | None
    levels: tuple[Level, Level] | Refusal | None = None
    result: Pause | Refusal | None = None

    @property
    def value(self) -> float | None:
        """The level of the treatment arm."""
        return self.levels[1].value if isinstance(self.levels, tuple) else None

    @property
    def denominator(self) -> float:
        """Users of both arms."""
        return float(sum(arm.users for arm in (self.control, self.treatment) if arm))

    def tested(self) -> Pair:
        """The same with levels and result."""
        levels = self._levels()
        if isinstance(levels, Refusal):
            return Pair(self.guarded, self.control, self.treatment, levels, levels)
        result = pause(self.guarded.guardrail, *levels, self.guarded.watch)
        return Pair(self.guarded, self.control, self.treatment, levels, result)

    def _levels(self) -> tuple[Level, Level] | Refusal:
        if self.control is None or not self.control.users:
            return NO_CONTROL
        if self.treatment is None or not self.treatment.users:
            return NO_TREATMENT
        if min(self.control.users, self.treatment.users) < self.guarded.watch.minimum_users:
            return Refusal(f"fewer than {self.guarded.watch.minimum_users} users")
        both = Arms(self.control.moments(), self.treatment.moments())
        values = outcomes(self.guarded.kind, both)
        if isinstance(values, Refusal):
            return values
        found = []
        for moments, value in zip((both.control, both.treatment), values, strict=True):
            one = level(moments, value)
            found.append(Level(float(one.value), sqrt(float(one.variance)), moments.users))
        return found[0], found[1]

    def is_plainly_fine(self) -> bool:
        """Whether the confidence sequence cannot fire; False where that takes the sequence.

        Its radius is √(2(c + 1)/c · ln(1 + √(c + 1)/2α)) standard errors with c > 0, hence more
        than √(2 ln(1 + 1/2α)).
        """
        watch, guardrail = self.guarded.watch, self.guarded.guardrail
        if self.control is None or self.treatment is None:
            return False
        if min(self.control.users, self.treatment.users) < watch.minimum_users:
            return False
        one, other = (arm.roughly(self.guarded.kind) for arm in (self.control, self.treatment))
        if one is None or other is None or one[0] <= 0 or min(one[1], other[1]) <= 0:
            return False
        sign = 1 if guardrail.direction == "lower_is_better" else -1
        size, relative = guardrail.margin.size, guardrail.margin.relative
        factor = 1 + sign * size if relative else 1.0
        excess = sign * (other[0] - factor * one[0]) - (0.0 if relative else size)
        error = hypot(sqrt(other[1]), factor * sqrt(one[1]))
        least = sqrt(2 * log1p(watch.guardrails / (2 * PAUSE_ALPHA)))
        # A tenth is left to rounding.
        return excess < 0.9 * least * error

    def sentence(self, verdict: Verdict, limit: Limit) -> str:
        """The level of both arms, the excess over the margin, and what it is at least."""
        del limit  # the bound is the margin, and stands in the guardrail
        about = self.guarded
        result, levels = self.result, self.levels
        named = about.guardrail.name
        if about.metric != named:
            named = f"{named}, {about.note or about.metric}"
        if not isinstance(result, Pause) or not isinstance(levels, tuple):
            why = result.reason if isinstance(result, Refusal) else "not tested"
            return f"{named} cannot be judged: {why}{self._users()}"
        control, treatment = (
            shown_level(one.value, about.scale, share=about.is_share) for one in levels
        )
        parts = [
            f"{named} {treatment} in {about.treatment}, {control} in {about.control}",
            f"{self._by(result.excess)} beyond the margin of {self._margin()}",
            f"at least {self._by(result.at_least)} by all looks together",
        ]
        if verdict.outcome != "breach":
            parts[2] += ", so harm is not certain"
        return f"{': '.join(parts[:2])}, {parts[2]} (p {result.p_value:.2g}, α {result.alpha:.2g})"

    def _by(self, size: float) -> str:
        return difference(size, self.guarded.scale, share=self.guarded.is_share)

    def _margin(self) -> str:
        guardrail = self.guarded.guardrail
        sign = 1 if guardrail.direction == "lower_is_better" else -1
        if guardrail.margin.relative:
            return signed_percent(sign * guardrail.margin.size)
        return self._by(sign * guardrail.margin.size)

    def _users(self) -> str:
        control = self.control.users if self.control else 0
        treatment = self.treatment.users if self.treatment else 0
        about = self.guarded
        return f" ({about.treatment} {treatment:,} users, {about.control} {control:,})"


def judge(series: Series) -> list[Verdict]:
    """A verdict for each day; its value is the excess over the margin in the metric's unit.

    A breach is an excess that is above 0 by its confidence sequence. On days that are plainly fine
    it is not computed, and the value None. What prevents the test, too few users or a metric that
    does not scatter, is `too_few`.
    """
    last = len(series.buckets) - 1
    return [
        _verdict(bucket, point, newest=place == last)
        for place, (bucket, point) in enumerate(zip(series.buckets, series.points, strict=True))
    ]


def _verdict(bucket: date, point: object, *, newest: bool) -> Verdict:
    if not isinstance(point, Pair):
        return Verdict(bucket, "no_data", None, None)
    if not newest and point.is_plainly_fine():
        return Verdict(bucket, "ok", None, point)
    point = point.tested()
    before = point.levels[0].value if isinstance(point.levels, tuple) else None
    result = point.result
    if not isinstance(result, Pause):
        return Verdict(bucket, "too_few", None, point, before)
    return Verdict(bucket, "breach" if result.is_due else "ok", result.excess, point, before)
