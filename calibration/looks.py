"""Figures of what is looked at every day: confidence sequences, SRM, pausing, the detector."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from alerts.detectors import Series, Single, zscore
from alerts.experiments.estimates import estimate
from alerts.experiments.guardrails import Guardrail, Level, Margin, Watch, pause
from alerts.experiments.moments import Moments
from alerts.experiments.power import metric_lift
from alerts.experiments.sequential import confidence_sequence
from alerts.experiments.srm import srm
from calibration.figure import PUBLISHED, Bound, Floats, Spec, Summary, mean, rate
from calibration.fixed import done
from calibration.users import CAPPED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.experiments.results import Estimate
    from calibration.users import Counts

DAYS = 28
PER_DAY = 100
HORIZON = 2 * DAYS * PER_DAY
ARRIVING = f"{PER_DAY} users per arm and day, 28 looks; revenue, lognormal, capped at 200"
RETURNING = f"{HORIZON // 2:,} users per arm by day 28, events every day since; CTR, 28 looks"

Arm = list[list[Moments]]


def arriving(
    random: np.random.Generator, runs: int, *, lift: float = 0.0, per_day: int = PER_DAY
) -> Arm:
    """Moments by run and day, cumulative: users come in equal numbers and bring all at once."""
    m = CAPPED.draw(random, runs, DAYS * per_day, lift=lift).m
    days = m.reshape(runs, DAYS, per_day)
    totals = days.sum(axis=2).cumsum(axis=1), (days * days).sum(axis=2).cumsum(axis=1)
    return [
        [
            Moments.of((day + 1) * per_day, {"sum_m": int(one[day]), "sum_mm": int(square[day])})
            for day in range(DAYS)
        ]
        for one, square in zip(*totals, strict=True)
    ]


def returning(random: np.random.Generator, runs: int) -> Arm:
    """The same of clicks and impressions that every user goes on making from his first day."""
    users = DAYS * PER_DAY
    first = np.repeat(np.arange(DAYS), PER_DAY)
    shape = runs, users
    own = random.beta(1.0, 19.0, shape)
    busy = 0.3 + random.standard_exponential(shape)
    m, d = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    arm: Arm = [[] for _ in range(runs)]
    for day in range(DAYS):
        here = slice(0, (day + 1) * PER_DAY)
        # The first impression is what exposes a user.
        views = random.poisson(busy[:, here]) + (first[here] == day)
        d[:, here] += views
        m[:, here] += random.binomial(views, own[:, here])
        _append(arm, m[:, here], d[:, here])
    return arm


def _append(arm: Arm, m: Counts, d: Counts) -> None:
    sums = {
        "sum_m": m.sum(axis=1),
        "sum_d": d.sum(axis=1),
        "sum_mm": (m * m).sum(axis=1),
        "sum_dd": (d * d).sum(axis=1),
        "sum_md": (m * d).sum(axis=1),
    }
    for run, days in enumerate(arm):
        row = {name: int(values[run]) for name, values in sums.items()}
        days.append(Moments.of(m.shape[1], row))


def _outside(found: Estimate) -> bool:
    look = done(
        confidence_sequence(found.difference, found.std_error, found.users, horizon_users=HORIZON)
    )
    low, high = look.interval.low, look.interval.high
    return (low is not None and low > 0) or (high is not None and high < 0)


def _daily(control: Arm, treatment: Arm, *, ratio: bool = False) -> Floats:
    """Whether any look of the sequence, the last fixed test, and any fixed test, find a change."""
    rows = []
    for pair in zip(control, treatment, strict=True):
        days = [
            done(estimate("ratio" if ratio else "mean", *look)) for look in zip(*pair, strict=True)
        ]
        rows.append(
            (
                any(_outside(day) for day in days),
                days[-1].p_value < days[-1].alpha,
                any(day.p_value < day.alpha for day in days),
            )
        )
    return np.array(rows, dtype=float)


def _sequence(lift: float, random: np.random.Generator, runs: int) -> Floats:
    return _daily(arriving(random, runs), arriving(random, runs, lift=lift))


def _sequence_returning(random: np.random.Generator, runs: int) -> Floats:
    return _daily(returning(random, runs), returning(random, runs), ratio=True)


def _found(outcomes: Floats) -> Summary:
    _, last, any_day = outcomes.mean(axis=0)
    beside = f"fixed test on day 28: {100 * last:.2f} %; on any day: {100 * any_day:.1f} %"
    return replace(rate(outcomes[:, 0]), beside=beside)


def findable() -> float:
    """The lift of `arriving` that the fixed test on day 28 finds with a power of 0.8."""
    sample = CAPPED.draw(np.random.default_rng(1), 1, 200_000).m
    return done(metric_lift(float(sample.mean()), float(sample.var()), HORIZON / 2))


def _split(share: float, random: np.random.Generator, runs: int, *, users: int) -> Floats:
    """Whether SRM is found on any of 28 days, by p and by the Bayes factor, and on the last day."""
    per_day = users // DAYS
    counts = random.binomial(per_day, share, (runs, DAYS)).cumsum(axis=1)
    rows = []
    for run in counts.tolist():
        looks = [
            done(srm([{"a": (n, 0.5), "b": (per_day * (day + 1) - n, 0.5)}]))
            for day, n in enumerate(run)
        ]
        rows.append(
            (
                any(look.is_mismatch for look in looks),
                any(look.is_mismatch_anytime for look in looks),
                looks[-1].is_mismatch,
                looks[-1].is_mismatch_anytime,
            )
        )
    return np.array(rows, dtype=float)


def _column(place: int, outcomes: Floats) -> Summary:
    return rate(outcomes[:, place])


GUARDRAILS = 4
RAIL = Guardrail("revenue_per_user", "higher_is_better", Margin(0.0, relative=False))


def _level(arm: Moments) -> Level:
    error = math.sqrt(float(arm.covariance("m", "m")) / arm.users)
    return Level(float(arm.mean("m")), error, arm.users)


def _pauses(control: Arm, treatment: Arm) -> Iterator[float]:
    """The day of the pause, run by run; 0 where there is none."""
    horizon = control[0][-1].users + treatment[0][-1].users
    watch = Watch(guardrails=GUARDRAILS, horizon_users=horizon)
    for pair in zip(control, treatment, strict=True):
        due = (
            day
            for day, (one, other) in enumerate(zip(*pair, strict=True), start=1)
            if done(pause(RAIL, _level(one), _level(other), watch)).is_due
        )
        yield float(next(due, 0))


def _false_pauses(random: np.random.Generator, runs: int) -> Floats:
    """Of independent metrics, the worst case for their number: the first to pause."""
    days = np.array(
        [list(_pauses(arriving(random, runs), arriving(random, runs))) for _ in range(GUARDRAILS)]
    )
    first = np.where(days > 0, days, np.inf).min(axis=0)
    return np.where(np.isfinite(first), first, 0.0)


def _true_pauses(random: np.random.Generator, runs: int) -> Floats:
    control = arriving(random, runs, per_day=10 * PER_DAY)
    return np.array(list(_pauses(control, arriving(random, runs, lift=-0.1, per_day=10 * PER_DAY))))


def _any_pause(days: Floats) -> Summary:
    paused = days[days > 0]
    beside = f"paused on day {np.median(paused):g} (median of those)" if len(paused) else ""
    return replace(rate((days > 0).astype(float)), beside=beside)


YEAR, BEFORE, SHIFT = 365, 28, 4.0


def _fires(values: Floats) -> list[bool]:
    start = date(2025, 1, 1)
    buckets = [start + timedelta(days=day) for day in range(len(values))]
    series = Series((), buckets, [Single(value) for value in values.tolist()])
    return [score.firing for score in zscore.judge(series)]


def _noise(random: np.random.Generator, days: int, carried: float) -> Floats:
    """Standard normal days, of which each carries a part of the day before."""
    fresh = random.standard_normal(days) * math.sqrt(1 - carried**2)
    values = np.empty(days)
    values[0] = random.standard_normal()
    for day in range(1, days):
        values[day] = carried * values[day - 1] + fresh[day]
    return values


def _episodes(carried: float, random: np.random.Generator, runs: int) -> Floats:
    """How often the detector begins to fire in a year in which nothing happens."""
    rows = []
    for _ in range(runs):
        fired = _fires(_noise(random, BEFORE + YEAR, carried))[BEFORE:]
        rows.append(sum(now and not before for before, now in pairwise([False, *fired])))
    return np.array(rows, dtype=float)


def _recall(carried: float, random: np.random.Generator, runs: int) -> Floats:
    """Whether a shift that stays is found within two weeks."""
    rows = []
    for _ in range(runs):
        values = _noise(random, 2 * BEFORE + 14, carried)
        values[2 * BEFORE :] += SHIFT
        rows.append(any(_fires(values)[2 * BEFORE :]))
    return np.array(rows, dtype=float)


SPLIT = "320,000 users in 28 days, two arms"
SERIES = "normal days, weekdays apart"

SPECS: tuple[Spec, ...] = (
    Spec(
        "any of 28 looks, confidence sequence",
        ARRIVING,
        partial(_sequence, 0.0),
        _found,
        Bound(high=0.05),
    ),
    Spec(
        "the same, users' totals growing after they came",
        RETURNING,
        _sequence_returning,
        _found,
        Bound(high=0.05),
        share=0.05,
    ),
    Spec(
        "confidence sequence, power where the fixed test has 80 %",
        ARRIVING,
        partial(_sequence, findable()),
        _found,
        PUBLISHED,
        share=0.1,
    ),
    Spec(
        "SRM, p < 0.001 on any of 28 days",
        f"{SPLIT}, 50/50",
        partial(_split, 0.5, users=320_000),
        partial(_column, 0),
        Bound(high=0.01),
    ),
    Spec(
        "SRM, Bayes factor on any of 28 days",
        f"{SPLIT}, 50/50",
        partial(_split, 0.5, users=320_000),
        partial(_column, 1),
        Bound(high=0.001),
    ),
    Spec(
        "SRM found, p < 0.001 on day 28",
        f"{SPLIT}, 50.5/49.5",
        partial(_split, 0.505, users=320_000),
        partial(_column, 2),
        Bound(low=0.99),
        share=0.1,
    ),
    Spec(
        "SRM found, Bayes factor on any of 28 days",
        f"{SPLIT}, 50.5/49.5",
        partial(_split, 0.505, users=320_000),
        partial(_column, 1),
        Bound(low=0.92),
        share=0.1,
    ),
    Spec(
        "false pauses in 28 days, any guardrail",
        f"{GUARDRAILS} independent guardrails; {ARRIVING}",
        _false_pauses,
        _any_pause,
        Bound(high=0.01),
        share=0.25,
    ),
    Spec(
        "paused at −10 %",
        f"1 of {GUARDRAILS} guardrails falls; 10 × {ARRIVING}",
        _true_pauses,
        _any_pause,
        PUBLISHED,
        share=0.1,
    ),
    Spec(
        "detector, false episodes per series-year",
        SERIES,
        partial(_episodes, 0.0),
        mean,
        Bound(high=1.5),
        percent=False,
        share=0.05,
    ),
    Spec(
        "detector, recall of a 4 sd shift",
        SERIES,
        partial(_recall, 0.0),
        rate,
        Bound(low=0.99),
    ),
    Spec(
        "detector, false episodes, AR 0.3",
        f"{SERIES}, each carries 0.3 of the last",
        partial(_episodes, 0.3),
        mean,
        PUBLISHED,
        percent=False,
        share=0.05,
    ),
    Spec(
        "detector, recall, AR 0.3",
        f"{SERIES}, each carries 0.3 of the last",
        partial(_recall, 0.3),
        rate,
        PUBLISHED,
    ),
)
