"""A day against its own recent past, in standard deviations.

The baseline of a day is the 28 days before it, never the day itself, which would cap its own z at
(n − 1)/√n. It freezes while a run of breaches lasts, so that a fall does not become its own
baseline, and is released by the return or after 14 days. A day that breached and is over counts as
past like all else: to drop it for good would shrink the standard deviation, which makes breaches,
which shrinks it further.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from alerts.detectors.baseline import Baseline, Baselines
from alerts.detectors.evidence import design_effects
from alerts.detectors.series import Point, Single, Spread, Verdict, finite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alerts.detectors.series import Bucket, Outcome, Series


@dataclass(frozen=True)
class Setting:
    """How days are judged; the defaults are those of the design.

    Attributes:
        days: Of the baseline.
        minimum: Days with a value that the baseline must have.
        frozen: Days after which a run of breaches releases the baseline.
        bound: Standard deviations beyond which a day breaches.
        consecutive: Days beyond it on the same side that fire.
        weeks: That the baseline must span for each weekday to be compared with its own.
        shares: Whether the metric is a share of its denominator, each 0 or 1. Money over
            impressions is none: its noise is not binomial.
        design_effect: Of the variance of a day's share over that of independent events; None for
            what the days before it say.
        least: Denominator (`guard`) below which a day is neither judged nor past.
    """

    days: int = 28
    minimum: int = 14
    frozen: int = 14
    bound: float = 2.0
    consecutive: int = 2
    weeks: int = 4
    shares: bool = True
    design_effect: float | None = 1.0
    least: float | None = None

    def __post_init__(self) -> None:
        """Rejects what no baseline can be made of."""
        if not 2 <= self.minimum <= self.days:
            raise ValueError("the baseline needs 2 days or more, and no more than it has")
        if self.frozen < 1 or self.consecutive < 1 or self.weeks < 2:
            raise ValueError("frozen and consecutive must be 1 or more, weeks 2 or more")
        if self.bound <= 0 or (self.design_effect is not None and self.design_effect <= 0):
            raise ValueError("the bound and the design effect must be above 0")


class Score(NamedTuple):
    """What one day is worth.

    Attributes:
        bucket: The day.
        outcome: `breach` beyond the bound, `ok` within, `no_data` without a row, `invalid` with
            one that has no value, `too_few` where it, or what is before it, is too little.
        z: Standard deviations from the baseline's mean; None where it cannot be told.
        mean: Of the baseline, of the same weekday where those are compared.
        sd: What z divides by, the floor included.
        floored: Whether the floor was larger than what the days before spread.
        by_weekday: Whether weekdays were compared with their own.
        firing: Whether this breach is one of enough in a row on the same side.
        reason: Why z cannot be told, or None.
        point: The day as it came.
        days: That make the mean.
    """

    bucket: date
    outcome: Outcome
    z: float | None
    mean: float | None
    sd: float | None
    floored: bool
    by_weekday: bool
    firing: bool
    reason: str | None
    point: Bucket | None
    days: int = 0

    @property
    def verdict(self) -> Verdict:
        """The same as the other detectors say it; the value is z."""
        if self.z is None or self.sd is None:
            return Verdict(self.bucket, self.outcome, None, self.point, self.mean)
        scale = Spread(self.sd, self.floored, self.by_weekday, self.days)
        side = 1 if self.z > 0 else -1
        return Verdict(
            self.bucket, self.outcome, self.z, self.point, self.mean, side=side, scale=scale
        )


def judge(series: Series, setting: Setting | None = None) -> list[Score]:
    """A score for each day of a series of days without a gap, oldest first.

    A day's floor is the binomial noise of its own denominator (a `Point`) times the root of the
    design effect, or its standard error (a `Single`): what a day must vary even if nothing happens.

    A day that cannot be judged neither ends a run of breaches nor counts towards it.
    """
    setting = setting or Setting()
    # A day must be large enough to be judged and to be past.
    values = [
        None if value is None or point is None or _few(point, setting) else value
        for point, value in zip(series.points, series.values, strict=True)
    ]
    effects = _effects(series, setting)
    past = Baselines(values, setting.days, setting.minimum, setting.weeks)
    scores: list[Score] = []
    begun: int | None = None
    count, side = 0, 0
    for place, bucket in enumerate(series.buckets):
        if begun is not None and place - begun >= setting.frozen:
            begun = None
        end = place if begun is None else begun
        score = _score(bucket, series.points[place], past.at(place, end), setting, effects[end])
        if score.outcome == "ok":
            begun, count = None, 0
        elif score.outcome == "breach" and score.z is not None:
            begun = place if begun is None else begun
            now = 1 if score.z > 0 else -1
            count, side = (count + 1 if now == side else 1), now
            score = score._replace(firing=count >= setting.consecutive)
        scores.append(score)
    return scores


def _effects(series: Series, setting: Setting) -> Sequence[float]:
    """The design effect that the days before each day show."""
    if setting.design_effect is None:
        return design_effects(series.points)
    return [setting.design_effect] * len(series.points)


def _few(point: Bucket, setting: Setting) -> bool:
    return setting.least is not None and point.guard is not None and point.guard < setting.least


def _score(
    bucket: date,
    point: Bucket | None,
    baseline: Baseline | None,
    setting: Setting,
    effect: float,
) -> Score:
    value = None if point is None else point.value
    if point is None or value is None:
        outcome: Outcome = "no_data" if point is None else "invalid"
        return _undecided(bucket, outcome, "no value", point)
    if _few(point, setting):
        return _undecided(bucket, "too_few", f"fewer than {setting.least:g}", point)
    if baseline is None:
        reason = f"fewer than {setting.minimum} days before it"
        return _undecided(bucket, "too_few", reason, point)
    floor = _floor(point, baseline.mean, effect if setting.shares else None)
    sd = max(baseline.sd, floor)
    z = finite((value - baseline.mean) / sd) if sd else None
    if z is None:
        return _undecided(bucket, "too_few", "zero variance", point, baseline.mean)
    return Score(
        bucket=bucket,
        outcome="breach" if abs(z) > setting.bound else "ok",
        z=z,
        mean=baseline.mean,
        sd=sd,
        floored=floor > baseline.sd,
        by_weekday=baseline.by_weekday,
        firing=False,
        reason=None,
        point=point,
        days=baseline.days,
    )


def _undecided(
    bucket: date, outcome: Outcome, reason: str, point: Bucket | None, mean: float | None = None
) -> Score:
    return Score(
        bucket=bucket,
        outcome=outcome,
        z=None,
        mean=mean,
        sd=None,
        floored=False,
        by_weekday=False,
        firing=False,
        reason=reason,
        point=point,
    )


def _floor(point: Bucket, mean: float, effect: float | None) -> float:
    """The noise within the day; 0 where it is not known.

    A share whose level is the baseline's mean p has the variance p(1 − p)/denominator. `effect` is
    None where the metric is no share.
    """
    if isinstance(point, Single):
        return finite(point.error or 0.0) or 0.0
    if effect is None or not isinstance(point, Point) or not point.denominator:
        return 0.0
    noise = mean * (1 - mean) / point.denominator * effect
    return math.sqrt(noise) if noise > 0 else 0.0
