"""Rules on experiments, on marts made by hand: verdicts, their reasons, and what is not judged."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.runner import evaluate
from alerts.runner.document import result_document
from tests.alerts.runner.helpers import decide, one, ruleset, run, states
from tests.alerts.runner.trials import START, Level, Trials, fair, guarded, on

if TYPE_CHECKING:
    from alerts.runner import Evaluation

SRM = {"name": "srm", "kind": "srm"}
GUARD = {"name": "guard", "kind": "guardrail"}


def test_a_mismatch_names_arms_observed_and_expected_users(trials: Trials) -> None:
    trials.plan()
    for day, treated in enumerate((100, 390, 380, 0)):
        trials.split(day, {"control": 100 if day == 0 else 500, "treatment": treated})
    result = one(run(trials, SRM))
    assert (result.state, result.bucket, result.since) == ("firing", on(2), on(1))
    assert result.reason == (
        "sample ratio mismatch: assigned users control 500, treatment 380 where control 440, "
        "treatment 440 were to be expected (p 5.2e-05 < 0.001, log10 of the Bayes factor 0.27)"
    )
    assert (result.value, result.threshold) == (pytest.approx(5.2e-05, rel=0.01), 0.001)
    document = json.loads(json.dumps(result_document(result), allow_nan=False))
    assert document["labels"] == {"experiment_key": "e"}
    assert (document["numerator"], document["denominator"], document["baseline"]) == (
        None,
        880,
        None,
    )
    assert states(run(trials, SRM, as_of=on(1))) == {"e": "ok"}


def test_a_fair_split_is_ok_on_assigned_users_and_fires_on_exposed_ones(trials: Trials) -> None:
    trials.plan()
    users = {"control": 1000, "treatment": 1010}
    for day in range(3):
        trials.split(day, users, exposed={"control": 900, "treatment": 700})
    assigned = one(run(trials, SRM))
    assert assigned.state == "ok"
    assert assigned.reason.startswith("assigned users control 1,000, treatment 1,010 where")
    assert "p 0.82 not < 0.001" in assigned.reason
    exposed = one(run(trials, {**SRM, "counts": "exposed"}))
    assert exposed.state == "firing"
    assert "exposed users control 900, treatment 700" in exposed.reason


def test_each_weight_period_brings_its_own_weights(trials: Trials) -> None:
    trials.plan(weight_periods=2)
    for day in (0, 1):
        ramp = {"control": 0.9, "treatment": 0.1}
        trials.split(day, {"control": 902, "treatment": 98}, weights=ramp)
        trials.split(day, {"control": 500, "treatment": 490}, period=2)
    assert one(run(trials, SRM)).state == "ok"
    trials.execute("update experiments.experiment_srm_daily set expected_weight = 0.5")
    assert one(run(trials, SRM)).state == "firing"


@pytest.mark.parametrize(
    ("users", "state", "reason"),
    [
        (
            {"control": 0, "treatment": 0},
            "too_few",
            "the split of assigned users cannot be tested: no user is assigned yet",
        ),
        (
            {"control": 50},
            "too_few",
            "the split of assigned users cannot be tested: only one arm has weight",
        ),
        (
            {"control": 1, "treatment": 7},
            "too_few",
            "assigned users control 1, treatment 7: fewer than 5 are to be expected in an arm, "
            "too few for a p-value",
        ),
    ],
)
def test_a_split_that_cannot_be_tested_is_not_fine(
    trials: Trials, users: dict[str, int], state: str, reason: str
) -> None:
    trials.plan()
    for day in (0, 1):
        trials.split(day, users)
    result = one(run(trials, SRM))
    assert (result.state, result.reason) == (state, reason)
    assert "NaN" not in json.dumps(result_document(result))


def test_users_of_an_arm_without_weight_are_a_mismatch(trials: Trials) -> None:
    trials.plan()
    for day in (0, 1):
        weights = {"control": 0.5, "treatment": 0.5, "ghost": 0.0}
        trials.split(day, {"control": 50, "treatment": 50, "ghost": 3}, weights=weights)
    result = one(run(trials, SRM))
    assert (result.state, result.value) == ("firing", 0)
    assert "users in an arm without weight: 3 in ghost" in result.reason


def test_which_experiments_are_judged(trials: Trials) -> None:
    trials.plan("runs")
    trials.plan("silent")
    trials.plan("draft", status="draft", started_at=None, first_day=None)
    trials.plan("over", ended_at=START + timedelta(days=2))
    trials.plan("later", started_at=START + timedelta(days=9))
    fair(trials, 6, "runs")
    for day in range(2):
        trials.split(day, {"control": 500, "treatment": 300}, "over")
    evaluation = run(trials, SRM)
    assert states(evaluation) == {"runs": "ok", "silent": "no_data"}
    assert evaluation.results[1].reason == "no row for 2025-03-07"
    # What fired while it ran is history; that it is over is no open alert.
    (episode,) = evaluation.episodes
    assert (dict(episode.labels)["experiment_key"], episode.open) == ("over", False)
    then = run(trials, SRM, as_of=on(2))
    assert states(then) == {"over": "firing", "runs": "ok", "silent": "no_data"}
    only = run(trials, {**SRM, "where": {"experiment_key": "over"}})
    assert (only.results, only.unjudged) == ((), ("srm",))
    assert only.warnings == (
        "experiments.experiment_srm_daily has no running experiment, so not judged: srm",
    )


def of(evaluation: Evaluation, guardrail: str, arm: str = "treatment") -> Any:
    (found,) = [
        result
        for result in evaluation.results
        if dict(result.labels).get("guardrail") == guardrail
        and dict(result.labels)["variation"] == arm
    ]
    return found


def test_harm_names_both_levels_the_excess_and_what_it_is_at_least(trials: Trials) -> None:
    guarded(trials, 8, 0.04)
    evaluation = run(trials, GUARD)
    result = of(evaluation, "slow_response_rate")
    assert (result.state, result.since, result.bucket) == ("firing", on(1), on(6))
    assert result.reason == (
        "slow_response_rate 4.00 % in treatment, 2.00 % in control: +1.80 pp beyond the margin "
        "of +10.0 %, at least +1.19 pp by all looks together (p 2e-17, α 0.01)"
    )
    assert (result.value, result.baseline, result.denominator) == (
        pytest.approx(0.018),
        pytest.approx(0.02),
        1600,
    )
    assert result_document(result)["threshold"] == 0
    assert evaluation.warnings == (
        "rule guard: guardrail crash_free_sessions: nothing measures crash_free_sessions where "
        "the source is personalization_metrics; not judged: e",
        "rule guard: guardrail p95_latency_ms: quantiles cannot be tested from moments: set "
        "config.latency_threshold_ms, and the share of responses above it is judged; "
        "not judged: e",
    )


def test_a_message_about_harm(trials: Trials) -> None:
    guarded(trials, 8, 0.04)
    rules = ruleset(trials.path.parent, GUARD)
    with closing(trials.open()) as warehouse:
        (outgoing,) = decide(evaluate(rules.rules, warehouse), rules)
    facts = dict(outgoing.message.alerts[0].facts)
    assert (facts["value"], facts["now"], facts["control"]) == ("1.8 points", "4 %", "2 %")
    assert (facts["threshold"], facts["users"]) == ("> 0 points", "1,600")


def test_within_the_margin_is_ok(trials: Trials) -> None:
    guarded(trials, 4, 0.021)
    result = of(run(trials, GUARD), "slow_response_rate")
    assert result.state == "ok"
    assert "so harm is not certain" in result.reason


def test_only_users_of_the_last_weight_period_count(trials: Trials) -> None:
    trials.plan(weight_periods=2)
    trials.metric("slow_response_rate")
    harmful = {"control": Level(3000, 0.02), "treatment": Level(3000, 0.06)}
    for day in range(4):
        trials.split(day, {"control": 3000, "treatment": 3000})
        trials.moments(day, harmful)
        if day >= 2:
            trials.split(day, {"control": 500, "treatment": 500}, period=2)
            even = {"control": Level(500, 0.02), "treatment": Level(500, 0.02)}
            trials.moments(day, even, period=2)
    assert of(run(trials, GUARD, as_of=on(2)), "slow_response_rate").state == "firing"
    assert of(run(trials, GUARD), "slow_response_rate").state == "ok"


@pytest.mark.parametrize(
    ("levels", "state", "reason"),
    [
        ({"control": Level(99, 0.1), "treatment": Level(150, 0.1)}, "too_few", "fewer than 100"),
        ({"control": Level(150, 0.1)}, "too_few", "no treatment"),
        ({"treatment": Level(150, 0.1)}, "too_few", "no control"),
        ({"control": Level(150, 0.0), "treatment": Level(150, 0.0)}, "too_few", "zero variance"),
        ({}, "no_data", "no row for 2025-03-03"),
    ],
)
def test_a_guardrail_that_cannot_be_judged_is_not_fine(
    trials: Trials, levels: dict[str, Level], state: str, reason: str
) -> None:
    trials.plan()
    trials.metric("slow_response_rate")
    for day in (0, 1):
        trials.split(day, {"control": 150, "treatment": 150})
        trials.moments(day, levels)
    # The mart has the days, if only of another metric.
    trials.moments(1, {"control": Level(9, 0.1)}, metric="ctr")
    result = of(run(trials, GUARD, as_of=on(1)), "slow_response_rate")
    assert result.state == state
    assert reason in result.reason


def test_0_01_is_divided_by_guardrails_and_arms(trials: Trials) -> None:
    arms = ("control", "a", "b")
    trials.plan(arms=3)
    for name in ("slow_response_rate", "bounce_rate"):
        trials.metric(name)
    for day in (0, 1):
        trials.split(day, dict.fromkeys(arms, 400))
        for name in ("slow_response_rate", "bounce_rate"):
            trials.moments(day, dict.fromkeys(arms, Level(400, 0.1)), metric=name)
    evaluation = run(trials, {**GUARD, "where": {"guardrail": "bounce_rate"}})
    assert states(evaluation) == {"e,bounce_rate,a": "ok", "e,bounce_rate,b": "ok"}
    assert all("α 0.0025)" in result.reason for result in evaluation.results)


def test_an_experiment_without_control_is_named(trials: Trials) -> None:
    trials.plan(control=None)
    trials.metric("slow_response_rate")
    for day in (0, 1):
        trials.split(day, {"a": 150, "b": 150})
        trials.moments(day, {"a": Level(150, 0.1), "b": Level(150, 0.1)})
    evaluation = run(trials, GUARD)
    assert evaluation.results == ()
    expected = "rule guard: not exactly one arm is marked is_control; not judged: e"
    assert expected in evaluation.warnings
