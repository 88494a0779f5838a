"""What `truth.json` says of the experiments: true effects, what is wrong, and what to conclude."""

from __future__ import annotations

from math import erfc, log, sqrt
from typing import TYPE_CHECKING, Any

from alerts.simulate.assignments import RESET_DAYS, Logged
from alerts.simulate.experiments import EXPERIMENTS, MIN_DURATION_DAYS
from alerts.simulate.incidents import CtrDrift, of_kind
from alerts.simulate.responses import LATENCY_MEDIAN_MS, LATENCY_SIGMA, SLOW_FACTOR
from alerts.simulate.trace_incidents import SLOW_SHARE
from alerts.simulate.writers import iso_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.simulate.experiments import Arm, Experiment, Recommendation
    from alerts.simulate.incidents import Incident
    from alerts.simulate.options import Calendar, Options

SLOW_RESPONSE_MS = 200.0

# All of these follow clicks: adds and revenue are so many per click.
CLICK_METRICS = ("ctr", "add_to_cart_rate", "rpm", "revenue_per_user")
SHOP_METRICS = ("personalized_share", "out_of_stock_rate", "crash_free_sessions")
APP_METRICS = ("avg_dwell_ms", "save_rate", "bounce_rate")


def build(
    options: Options, incidents: tuple[Incident, ...], logged: Mapping[str, Logged]
) -> list[dict[str, Any]]:
    """An entry for each experiment that fits into the range."""
    return [
        _entry(options, incidents, experiment, logged.get(experiment.key, Logged()))
        for experiment in EXPERIMENTS
        if experiment.is_planned(options.days)
    ]


def _entry(
    options: Options, incidents: tuple[Incident, ...], experiment: Experiment, logged: Logged
) -> dict[str, Any]:
    calendar = options.calendar
    start, end = experiment.start_day(options.days), experiment.end_day(options.days)
    status = "completed" if experiment.has_ended(options.days) else "running"
    periods = _periods(calendar, experiment, logged)
    started = [period["starts_at"] for period in periods[:1]]
    started += [period["starts_at"] for period in periods if period["restarts"]]
    return {
        "experiment_key": experiment.key,
        "status": "draft" if start is None else status,
        "source": experiment.source,
        "surfaces": list(experiment.surfaces),
        "first_day": None if start is None else calendar.date(start).isoformat(),
        "started_at": started[-1] if started else None,
        "ended_at": None if end is None else _time(calendar, end),
        "control": next(arm.key for arm in experiment.arms if arm.is_control),
        "periods": periods,
        "mixed_users": dict(logged.mixed),
        "true_relative_effects": {
            arm.key: _effects(experiment, arm) for arm in experiment.arms if not arm.is_control
        },
        "wrong": _wrong(options, incidents, experiment),
        "recommendation": _recommendation(options, experiment),
    }


def _periods(calendar: Calendar, experiment: Experiment, logged: Logged) -> list[dict[str, Any]]:
    """Weights and times, and how many users were logged meanwhile, each where he was first."""
    begun = experiment.periods_within(calendar.days)
    end = experiment.end_day(calendar.days)
    times = [_time(calendar, day) for day, _ in begun]
    times += [] if end is None else [_time(calendar, end)]
    keys = [arm.key for arm in experiment.arms]
    entries = []
    # A draft has weights, which hold from no time on.
    for number, period in enumerate(experiment.periods[: max(1, len(begun))]):
        users = logged.arms[number] if number < len(logged.arms) else {}
        entries.append(
            {
                "starts_at": times[number] if begun else None,
                "ends_at": times[number + 1] if number + 1 < len(times) else None,
                "weights": dict(zip(keys, period.weights, strict=True)),
                "restarts": period.restarts,
                "assigned_users": {key: users.get(key, 0) for key in keys},
            }
        )
    return entries


def _time(calendar: Calendar, day: int) -> str:
    return str(iso_times([calendar.midnight_ms(day)])[0])


def _effects(experiment: Experiment, arm: Arm) -> dict[str, float]:
    """The true relative effects by metric, where they are known exactly."""
    clicks = round(arm.ctr_factor - 1, 6)
    slow = slow_rate(arm.slow_factor * SLOW_SHARE) / slow_rate(SLOW_SHARE) - 1
    known = dict.fromkeys(CLICK_METRICS, clicks) | dict.fromkeys(SHOP_METRICS, 0.0)
    known["slow_response_rate"] = round(slow, 4)
    # More clicks in the app mean longer dwell and fewer bounces, by how much is not planted.
    if not (experiment.carried and clicks):
        known |= dict.fromkeys(APP_METRICS, 0.0)
    return known


def slow_rate(share: float) -> float:
    """The share of responses above 200 ms where `share` of them are slow."""
    usual, slowed = (
        erfc(log(SLOW_RESPONSE_MS / median) / LATENCY_SIGMA / sqrt(2)) / 2
        for median in (LATENCY_MEDIAN_MS, LATENCY_MEDIAN_MS * SLOW_FACTOR)
    )
    return share * slowed + (1 - share) * usual


def _wrong(
    options: Options, incidents: tuple[Incident, ...], experiment: Experiment
) -> dict[str, Any] | None:
    """What is wrong since when; None where nothing is, or it has not come to that."""
    begun = experiment.periods_within(options.days)
    defect = experiment.defect
    if defect is None or defect.since >= len(begun):
        return None
    since = begun[defect.since][0]
    if experiment.reset_share:
        since += RESET_DAYS[0]
    return {
        "kind": defect.kind,
        "since": _time(options.calendar, since),
        "size": _size(options, incidents, experiment),
        "sentence": defect.sentence,
    }


def _size(
    options: Options, incidents: tuple[Incident, ...], experiment: Experiment
) -> dict[str, Any]:
    """How large it is: what was planted, not what came of it."""
    lost = {arm.key: arm.lost_share(options.users) for arm in experiment.arms}
    size: dict[str, Any] = {}
    if any(lost.values()):
        weights = experiment.periods[0].weights
        left = [weight * (1 - gone) for weight, gone in zip(weights, lost.values(), strict=True)]
        size["lost_shares"] = {key: round(share, 6) for key, share in lost.items()}
        size["logged_shares"] = {
            key: round(one / sum(left), 6) for key, one in zip(lost, left, strict=True)
        }
    if experiment.reset_share:
        size["reset_share"] = experiment.reset_share
    for arm in experiment.arms:
        if arm.slow_factor != 1:
            size["slow_response_rate"] = {arm.key: _effects(experiment, arm)["slow_response_rate"]}
    if len(experiment.periods) > 1:
        size["weights_from"], size["weights_to"] = (
            dict(zip(lost, period.weights, strict=True)) for period in experiment.periods
        )
    under = [drift.id for drift in of_kind(incidents, CtrDrift)]
    if experiment.entry_days and under:
        size["under"] = under
    return size


def _recommendation(options: Options, experiment: Experiment) -> Recommendation | None:
    """What to conclude at the end of the data; success is not decided before its day."""
    begun = experiment.periods_within(options.days)
    if not begun:
        return None
    is_early = options.days - begun[0][0] < MIN_DURATION_DAYS
    if experiment.recommendation == "ship" and is_early:
        return "keep running"
    return experiment.recommendation
