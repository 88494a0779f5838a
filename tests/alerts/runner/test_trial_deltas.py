"""Treatment against control by the hour, and the shipped rules, on marts made by hand."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from alerts.rules import DEFAULT_RULES, load_rules
from alerts.runner import evaluate
from alerts.warehouse import open_warehouse
from tests.alerts.handmade import ddl
from tests.alerts.runner.helpers import one, run, states
from tests.alerts.runner.trials import START, Trials, at, fair, guarded, on
from tests.alerts.runner.trials_ddl import trials_ddl

if TYPE_CHECKING:
    from alerts.runner import Evaluation
    from alerts.warehouse import Target

DELTA = {
    "name": "delta",
    "kind": "experiment_delta",
    "mart": "experiments.experiment_hourly",
    "metric": "ctr",
    "when": "< -0.05",
    "for": "2h",
}


def two_hours(trials: Trials, *clicks: int, control: int = 100, **more: Any) -> None:
    for hour, count in enumerate(clicks):
        trials.hour(hour, "control", 1000, control, **more)
        trials.hour(hour, "treatment", 1000, count, **more)


def test_two_hours_below_control(trials: Trials) -> None:
    trials.plan()
    two_hours(trials, 99, 90, 92, 100)
    result = one(run(trials, DELTA))
    assert (result.state, result.since, result.bucket) == ("firing", at(1), at(2))
    assert result.reason == (
        "ctr against control -8 % < -5 % (9.2 % against 10 % in the control arm; "
        "clicks 92 / impressions 1,000)"
    )
    assert (result.value, result.baseline) == (pytest.approx(-0.08), pytest.approx(0.1))
    pending = one(run(trials, DELTA, as_of=at(2)))
    assert (pending.state, pending.labels) == (
        "pending",
        (("experiment_key", "e"), ("variation", "treatment")),
    )


def test_a_difference_that_chance_explains_does_not_fire(trials: Trials) -> None:
    trials.plan()
    sure = {**DELTA, "confidence": 0.95, "design_effect": 1.0}
    two_hours(trials, 90, 85, 40, 38, 100)
    evaluation = run(trials, sure)
    result = one(evaluation)
    assert (result.state, result.since) == ("firing", at(2))
    assert result.reason.endswith("clicks 38 / impressions 1,000), beyond chance at 95 %")
    doubtful = one(run(trials, sure, as_of=at(2)))
    assert (doubtful.state, doubtful.since) == ("too_few", at(0))
    assert doubtful.reason.endswith("clicks 85 / impressions 1,000), within chance at 95 %")
    assert one(run(trials, DELTA, as_of=at(2))).state == "firing"


@pytest.mark.parametrize(
    ("rows", "state", "reason"),
    [
        (
            [("treatment", 1000, 10)],
            "too_few",
            "nothing in the control arm 2025-03-03T00:00:00Z to compare with",
        ),
        (
            [("treatment", 1000, 10), ("control", 1000, 0)],
            "too_few",
            "ctr against control has no value: clicks was 0 in the control arm",
        ),
        (
            [("treatment", 1000, 10), ("control", 99, 50)],
            "too_few",
            "impressions in the control arm are below 100",
        ),
        (
            [("treatment", 99, 1), ("control", 1000, 50)],
            "too_few",
            "impressions 99 below 100",
        ),
    ],
)
def test_a_delta_without_two_arms_is_not_fine(
    trials: Trials, rows: list[tuple[str, int, int]], state: str, reason: str
) -> None:
    trials.plan()
    for row in rows:
        trials.hour(0, *row)
    trials.hour(1, "treatment", 1, 0)
    guard = {"column": "impressions", "value": 100}
    result = one(run(trials, {**DELTA, "min_denominator": guard}))
    assert (result.state, result.reason) == (state, reason)


def test_arms_are_compared_within_their_labels_and_their_run(trials: Trials) -> None:
    trials.plan(started_at=START + timedelta(hours=2), ended_at=START + timedelta(hours=4))
    two_hours(trials, 10, 10, 10, 10, 10, 10)
    two_hours(trials, 100, 100, 100, 100, 100, 100, surface="pdp")
    by_surface = {**DELTA, "by": ["experiment_key", "variation", "surface"], "for": "1h"}
    assert run(trials, by_surface).results == ()
    evaluation = run(trials, by_surface, as_of=at(4))
    assert states(evaluation) == {"e,treatment,home": "firing", "e,treatment,pdp": "ok"}
    (episode,) = evaluation.episodes
    assert (episode.first, episode.last) == (at(2), at(3))


def test_what_no_plan_explains_is_named_and_not_judged(trials: Trials) -> None:
    trials.plan("headless", control=None)
    for key in ("headless", "unknown", "(none)"):
        two_hours(trials, 10, 10, experiment_key=key)
    evaluation = run(trials, DELTA)
    assert evaluation.results == ()
    assert evaluation.warnings == (
        "rule delta: experiment_plans names no single control arm: 'headless', so it is not judged",
        "rule delta: experiment_plans has no such experiment: 'unknown', so it is not judged",
    )


def test_a_daily_delta_of_money(trials: Trials) -> None:
    trials.plan()
    for day in range(3):
        for arm, revenue in (("control", 1000), ("treatment", 1000 - 100 * day)):
            trials.row(
                "blend_weights_daily",
                day=on(day),
                experiment_key="e",
                variation=arm,
                surface="home",
                impressions=5000,
                revenue=revenue,
            )
    rule = {
        **DELTA,
        "mart": "experiments.blend_weights_daily",
        "metric": "revenue_per_impression",
        "for": "1d",
    }
    result = one(run(trials, rule))
    assert (result.state, result.value) == ("firing", pytest.approx(-0.1))
    assert "(0.18 against 0.2 in the control arm; revenue 900 / impressions 5,000)" in result.reason


def shipped(trials: Trials) -> Evaluation:
    rules = [one for one in load_rules([DEFAULT_RULES]).rules if "experiment" in one.name]
    with closing(trials.open()) as warehouse:
        return evaluate(rules, warehouse)


def test_shipped_rules_on_the_health_of_an_experiment(trials: Trials) -> None:
    trials.plan()
    fair(trials, 3)
    for day in range(3):
        trials.health(day, assigned_users=485, mixed_users=15, exposed_without_assignment=600)
    found = {result.rule: result for result in shipped(trials).results}
    assert found["experiment-mixed-users"].reason == (
        "mixed_users_share 3 % > 1 % (mixed_users 15 / placed_users 500)"
    )
    # Were exposed users alone the denominator, this worst of all cases would have no value.
    assert found["experiment-exposed-without-assignment"].reason == (
        "exposed_without_assignment_share 100 % > 1 % "
        "(exposed_without_assignment 600 / seen_users 600)"
    )
    trials.execute("update experiments.experiment_health_daily set assigned_users = 484")
    states_now = {result.rule: result.state for result in shipped(trials).results}
    assert states_now["experiment-mixed-users"] == "too_few"


def test_postgres_gives_the_same(
    trials: Trials, postgres_settings: dict[str, Any], postgres_target: Target
) -> None:
    guarded(trials, 5, 0.04)
    trials.health(0, assigned_users=900, exposed_users=900, mixed_users=100)
    trials.health(1, assigned_users=900, exposed_users=900, mixed_users=100)
    two_hours(trials, 10, 10, 10)
    with (
        closing(psycopg2.connect(**postgres_settings)) as connection,
        connection.cursor() as cursor,
    ):
        for statement in (*ddl(), *trials_ddl()):
            cursor.execute(statement)
        connection.commit()
    with closing(trials.open()) as duck, closing(open_warehouse(postgres_target)) as postgres:
        for name in (
            "plans",
            "plan_metrics",
            "srm_daily",
            "moments_daily",
            "health_daily",
            "hourly",
        ):
            copy(duck, postgres_settings, f"experiments.experiment_{name}")
        rules = [one for one in load_rules([DEFAULT_RULES]).rules if "experiment" in one.name]
        expected = evaluate(rules, duck)
        assert evaluate(rules, postgres) == expected
    assert {one.rule for one in expected.firing} == {
        "experiment-guardrail",
        "experiment-ctr-delta",
        "experiment-mixed-users",
    }


def copy(duck: Any, settings: dict[str, Any], table: str) -> None:
    """The rows of a table, from one engine to the other."""
    found = duck._connection.execute(f"select * from {table}")
    names = [column[0] for column in found.description]
    places = ", ".join(["%s"] * len(names))
    with closing(psycopg2.connect(**settings)) as connection:
        with connection.cursor() as cursor:
            insert = f"insert into {table} ({', '.join(names)}) values ({places})"
            cursor.executemany(insert, found.fetchall())
        connection.commit()
