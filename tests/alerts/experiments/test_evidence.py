"""Rows of the marts into types, and what evidence says of itself."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from alerts.experiments.evidence import (
    HEALTH_COLUMNS,
    METRIC_COLUMNS,
    MOMENTS_COLUMNS,
    PLAN_COLUMNS,
    USERS_COLUMNS,
    Cell,
    health_of,
    moments_of,
    users_of,
)
from alerts.experiments.horizon import schedule
from tests.alerts.experiments.made import DAY_ONE, METRICS, Arm, Made, contract, metric

RAMP = ((0, {"control": 0.9, "treatment": 0.1}), (5, {"control": 0.5, "treatment": 0.5}))


@pytest.mark.parametrize(
    ("mart", "columns"),
    [
        ("experiment_plans", PLAN_COLUMNS),
        ("experiment_plan_metrics", METRIC_COLUMNS),
        ("experiment_srm_daily", USERS_COLUMNS),
        ("experiment_health_daily", HEALTH_COLUMNS),
        ("experiment_moments_daily", MOMENTS_COLUMNS),
    ],
)
def test_what_is_asked_for_is_there(mart: str, columns: tuple[str, ...]) -> None:
    assert set(columns) <= set(contract(mart))


def test_sums_are_the_marts_own_digits() -> None:
    row = Made().moments_rows([3])[0]
    [by_arm] = moments_of([row | {"sum_m": 0.1, "sum_mm": 12345678.12345678}]).values()
    assert by_arm["control"].sum_m == Fraction(1, 10)
    assert by_arm["control"].sum_mm == Fraction("12345678.12345678")


def test_moments_stand_by_metric_and_segment() -> None:
    evidence = Made().evidence()
    whole = evidence.whole("ctr")
    assert list(whole) == ["control", "treatment"]
    assert whole["control"].users == 2000
    assert evidence.moments[Cell("ctr", "all", "all")] is whole
    assert evidence.segment_types("ctr") == ("device", "surface", "user_type")
    assert list(evidence.segments("ctr", "device")) == ["ios", "web"]
    assert evidence.whole("nothing") == {}


def test_users_of_the_last_weight_period_decide() -> None:
    evidence = Made(periods=RAMP).evidence()
    assert evidence.period == 2
    assert evidence.period_day == DAY_ONE + timedelta(days=5)
    assert evidence.weights == {"control": 0.5, "treatment": 0.5}
    assert evidence.deciding("ctr")["control"].users == 1500
    assert evidence.whole("ctr")["control"].users == 2000
    assert list(evidence.segments("ctr", "weight_period")) == ["1", "2"]


def test_before_the_weights_change_it_is_the_first() -> None:
    evidence = Made(periods=RAMP).evidence(3)
    assert (evidence.period, evidence.period_day) == (1, DAY_ONE)
    assert evidence.deciding("ctr")["control"].users == 400


def test_periods_are_what_the_split_is_tested_by() -> None:
    made = Made({"control": Arm(1000, 0.9), "treatment": Arm(1000, 0.1, exposed=0.5)}, periods=RAMP)
    assert made.evidence().periods("assigned") == [
        {"control": (250, 0.9), "treatment": (250, 0.1)},
        {"control": (750, 0.5), "treatment": (750, 0.5)},
    ]
    assert made.evidence().periods("exposed")[1]["treatment"] == (375, 0.5)


def test_control_comes_first_and_an_arm_without_weight_is_no_treatment() -> None:
    arms = {"a": Arm(), "z_control": Arm(), "gone": Arm(10, 0.0)}
    evidence = Made(arms, plan={"control": "z_control"}).evidence()
    assert evidence.arms == ("z_control", "a", "gone")
    assert evidence.treatments == ("a",)


def test_metrics_are_in_order_and_found_by_name() -> None:
    plan = Made(
        metrics=(*METRICS, metric("p95_latency_ms", is_measured=False, kind=None))
    ).evidence()
    assert [one.metric for one in plan.plan.metrics] == sorted(
        one.metric for one in plan.plan.metrics
    )
    found = plan.plan.metric("ctr")
    assert found is not None
    assert (found.role, found.test_kind) == ("primary", "ratio")
    mean = plan.plan.metric("revenue_per_user")
    assert mean is not None
    assert mean.test_kind == "mean"
    assert plan.plan.metric("nothing") is None


def test_no_row_is_no_health() -> None:
    assert health_of([]) is None


# The day of the decision.


def test_day_n_is_when_the_minimal_duration_is_over() -> None:
    made = Made(days=20)
    evidence = made.evidence()
    found = schedule(evidence.plan, evidence.users, made.day(19), 14, is_whole=True)
    assert found is not None
    assert (found.decided_on, found.day_n, found.full_days) == (made.day(13), 14, 20)
    assert evidence.horizon_day == made.day(13)


def test_a_day_that_is_not_over_decides_nothing() -> None:
    made = Made(days=14)
    for whole, decided in ((True, made.day(13)), (False, None)):
        evidence = made.evidence(is_whole=whole)
        found = schedule(evidence.plan, evidence.users, made.day(13), 14, is_whole=whole)
        assert found is not None
        assert found.decided_on == decided
        assert evidence.horizon is None
    assert found.expected_on == made.day(13)


def test_a_change_of_weights_begins_the_days_anew() -> None:
    made = Made(periods=RAMP, days=18)
    evidence = made.evidence()
    found = schedule(evidence.plan, evidence.users, made.day(17), 14, is_whole=True)
    assert found is not None
    assert (found.since, found.full_days, found.decided_on) == (made.day(5), 13, None)
    assert found.expected_on == made.day(18)


@pytest.mark.parametrize(("horizon", "day"), [(3000, 14), (3600, 17), (100, 13)])
def test_the_planned_users_must_be_there_as_well(horizon: int, day: int) -> None:
    made = Made(days=20, plan={"horizon_users": float(horizon)})
    evidence = made.evidence()
    found = schedule(evidence.plan, evidence.users, made.day(19), 14, is_whole=True)
    assert found is not None
    assert found.decided_on == made.day(day)


def test_until_when_it_will_take() -> None:
    made = Made(days=10, plan={"horizon_users": 8000.0})
    evidence = made.evidence()
    found = schedule(evidence.plan, evidence.users, made.day(9), 14, is_whole=True)
    assert found is not None
    assert found.users == 4000
    assert found.users_per_day == pytest.approx(400)
    assert found.expected_on == made.day(19)


def test_nobody_comes_any_more() -> None:
    made = Made(days=20, plan={"horizon_users": 8000.0})
    last = [row for row in made.users_rows() if row["day"] == made.day(9)]
    late = [row | {"day": made.day(number)} for number in range(10, 20) for row in last]
    rows = [row for row in made.users_rows() if row["day"] <= made.day(9)] + late
    found = schedule(made.evidence().plan, users_of(rows), made.day(19), 14, is_whole=True)
    assert found is not None
    assert (found.users_per_day, found.expected_on, found.day_n) == (0, None, None)
