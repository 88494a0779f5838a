"""From evidence to one recommendation: every way to get there, and every reason not to."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from alerts.experiments.comparisons import MINIMUM_USERS
from alerts.experiments.cuped import Cuped, cuped
from alerts.experiments.estimates import delta, welch
from alerts.experiments.families import benjamini_hochberg, holm
from alerts.experiments.guardrail_file import load_guardrails
from alerts.experiments.guardrails import Judgement, Pause
from alerts.experiments.readout import Readout, read_out
from alerts.experiments.results import Estimate, Refusal
from tests.alerts.experiments.made import Arm, Made, metric

if TYPE_CHECKING:
    from alerts.experiments.comparisons import Comparison

UP = {"ctr": 0.13, "revenue_per_user": 0.13}
DOWN = {"ctr": 0.07}
RAMP = ((0, {"control": 0.9, "treatment": 0.1}), (5, {"control": 0.5, "treatment": 0.5}))


def settings(**changes: Any) -> Any:
    return load_guardrails().settings("exp").model_copy(update={"guardrails": (), **changes})


def treated(rates: dict[str, float] | None = None, **more: Any) -> dict[str, Arm]:
    return {"control": Arm(), "treatment": Arm(rates=rates or {}, **more)}


def read(made: Made, number: int | None = None, *, is_whole: bool = True, **more: Any) -> Readout:
    return read_out(made.evidence(number, is_whole=is_whole), settings(**more))


def comparison(readout: Readout, name: str = "ctr", arm: str = "treatment") -> Comparison:
    [found] = [o for o in readout.comparisons if (o.metric.metric, o.arm) == (name, arm)]
    return found


def figures(value: Any) -> list[float]:
    """Every float anywhere in a value."""
    if isinstance(value, float):
        return [value]
    if is_dataclass(value):
        return [one for f in fields(value) for one in figures(getattr(value, f.name))]
    if isinstance(value, dict):
        return [one for inner in value.values() for one in figures(inner)]
    return [one for inner in value for one in figures(inner)] if isinstance(value, tuple) else []


# The recommendation.


def test_ship() -> None:
    readout = read(Made(treated(UP)))
    assert readout.recommendation.text == "ship treatment"
    assert "significantly better" in readout.recommendation.reasons[0]
    assert "on day 14" in readout.recommendation.reasons[0]


def test_roll_back_what_is_worse() -> None:
    readout = read(Made(treated(DOWN)))
    assert readout.recommendation.text == "roll back treatment"
    assert "significantly worse" in readout.recommendation.reasons[0]


def test_keep_running_where_nothing_is_to_be_seen() -> None:
    recommendation = read(Made()).recommendation
    assert (recommendation.text, recommendation.until) == ("keep running", None)
    assert "neither better nor worse on day 14" in recommendation.reasons[0]


def test_success_waits_for_its_day() -> None:
    made = Made(treated(UP))
    for number in (1, 5, 12):
        recommendation = read(made, number).recommendation
        assert (recommendation.text, recommendation.until) == ("keep running", made.day(13))
    assert read(made, 13, is_whole=False).recommendation.text == "keep running"
    assert read(made, 13).recommendation.text == "ship treatment"


def test_harm_does_not_wait() -> None:
    recommendation = read(Made(treated(DOWN)), 8).recommendation
    assert recommendation.text == "roll back treatment"
    assert "at every look together" in recommendation.reasons[0]


def test_a_failing_guardrail_goes_before_success() -> None:
    made = Made(treated(UP | {"bounce_rate": 0.2}))
    for number in (8, 19):
        recommendation = read(made, number).recommendation
        assert recommendation.text == "roll back treatment"
        assert "the guardrail bounce_rate fails" in recommendation.reasons[0]


def test_success_is_that_of_day_n_whatever_comes_later() -> None:
    """What decides stands still; with each later look it would have another chance to be wrong."""
    late = read(Made(treated(UP), days=40))
    then = comparison(late)
    assert then.on_day_n is not None
    assert late.schedule is not None
    assert late.schedule.day_n == 14
    again = comparison(read(Made(treated(UP), days=40), 13))
    assert then.on_day_n == again.deciding
    assert then.holm_on_day_n == again.holm
    assert then.deciding != again.deciding


def test_what_day_n_did_not_find_no_later_day_ships() -> None:
    readout = read(Made(treated({"ctr": 0.105}), days=60))
    found = comparison(readout)
    assert found.holm is not None
    assert found.holm_on_day_n is not None
    assert found.holm < 0.01
    assert found.holm_on_day_n > 0.05
    assert readout.recommendation.text == "keep running"
    assert "that test counts once" in readout.recommendation.reasons[1]


def test_of_several_arms_the_best_is_named() -> None:
    arms = {
        "control": Arm(weight=0.25),
        "a": Arm(weight=0.25, rates={"ctr": 0.12}),
        "b": Arm(weight=0.25, rates={"ctr": 0.14}),
        "c": Arm(weight=0.25, rates=DOWN),
    }
    readout = read(Made(arms))
    recommendation = readout.recommendation
    assert recommendation.text == "ship b"
    assert [one.action for one in recommendation.arms] == ["ship", "ship", "roll back"]
    assert all(getattr(one.pause, "alpha", None) == 0.01 / 3 for one in readout.guardrails)
    assert any(reason.startswith("c: roll back") for reason in recommendation.reasons)


def test_of_several_arms_a_bad_one_is_named_where_none_is_good() -> None:
    arms = {"control": Arm(weight=0.25), "a": Arm(weight=0.25), "b": Arm(weight=0.25, rates=DOWN)}
    arms["c"] = Arm(weight=0.25)
    assert read(Made(arms)).recommendation.text == "roll back b"


def test_one_primary_metric_worse_is_no_success() -> None:
    metrics = (metric("ctr", "primary"), metric("save_rate", "primary"))
    made = Made(treated({"ctr": 0.13, "save_rate": 0.07}), metrics=metrics)
    assert read(made).recommendation.text == "roll back treatment"


def test_lower_is_better_where_it_is() -> None:
    metrics = (metric("bounce_rate", "primary"),)
    for rate, text in ((0.07, "ship treatment"), (0.13, "roll back treatment")):
        made = Made(treated({"bounce_rate": rate}), metrics=metrics)
        assert read(made).recommendation.text == text


def test_an_ended_experiment_does_not_go_on() -> None:
    ended = {"status": "completed", "ended_at": datetime(2025, 3, 11, tzinfo=UTC)}
    recommendation = read(Made(days=8, plan=ended)).recommendation
    assert (recommendation.text, recommendation.until) == ("keep running", None)
    assert "ended before success could be decided" in recommendation.reasons[0]


# Invalid.


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Made(plan={"control": None}), "no control"),
        (Made({"control": Arm(), "treatment": Arm(1500)}), "sample ratio mismatch of assigned"),
        (Made(treated(exposed=0.8)), "sample ratio mismatch of exposed users"),
        (
            Made({"control": Arm(), "treatment": Arm(), "x": Arm(50, 0.0)}),
            "users in an arm without weight: 50 in x",
        ),
        (
            Made({"control": Arm(weight=1 / 3), "b": Arm(weight=1 / 3), "c": Arm(0, 1 / 3)}),
            "the arm c has no traffic: no user is assigned",
        ),
        (Made(treated(exposed=0.0)), "the arm treatment has no traffic: no user is exposed"),
        (Made(treated(mixed=100)), "100 users (2.4 %) were seen in a second arm, more than 1 %"),
        (Made(health={"exposed_without_assignment": 90}), "saw the experiment without an"),
        (Made(health={"exposed_to_other_variation": 90}), "saw another arm than"),
        (Made(metrics=(metric("ctr"),)), "no primary metric is measured"),
        (
            Made({"control": Arm(weight=0.0), "treatment": Arm(weight=1.0)}),
            "no control: control has no weight",
        ),
        (Made({"control": Arm(weight=1.0)}), "no treatment"),
        (Made({"control": Arm(weight=0.0), "treatment": Arm(weight=0.0)}), "no control"),
        (Made(plan={"started_at": None, "first_day": None, "status": "draft"}), "not started"),
    ],
)
def test_invalid(made: Made, said: str) -> None:
    recommendation = read(made).recommendation
    assert recommendation.action == "invalid"
    assert recommendation.text.startswith("invalid: ")
    assert any(said in reason for reason in recommendation.reasons)


def test_a_share_that_is_stated_is_tolerated() -> None:
    readout = read(Made(treated(UP, mixed=20), health={"exposed_without_assignment": 9}))
    assert readout.recommendation.text == "ship treatment"
    assert [(one.kind, one.is_fatal) for one in readout.problems] == [
        ("mixed_users", False),
        ("exposed_without_assignment", False),
    ]


def test_a_handful_of_users_is_none() -> None:
    arms = {"control": Arm(20), "treatment": Arm(20, mixed=2)}
    assert read(Made(arms)).recommendation.action != "invalid"


# The figures.


def test_each_figure_is_that_of_its_test() -> None:
    evidence = Made(treated(UP)).evidence()
    readout = read_out(evidence, settings(), alpha=0.1)
    by_arm, money = evidence.whole("ctr"), evidence.whole("revenue_per_user")
    pair = by_arm["control"], by_arm["treatment"]
    found = comparison(readout)
    assert found.plain == delta(*pair, alpha=0.1)
    assert found.cuped == cuped("ratio", *pair, alpha=0.1)
    assert isinstance(found.cuped, Cuped)
    assert found.deciding == found.cuped.adjusted
    assert found.control.value == pytest.approx(float(pair[0].sum_m / pair[0].sum_d))
    mean = comparison(readout, "revenue_per_user")
    assert mean.plain == welch(money["control"], money["treatment"], alpha=0.1)
    assert mean.impression_level is None
    assert isinstance(found.impression_level, Estimate)
    assert found.impression_level.method == "impression-level z"


def test_without_variance_reduction_the_plain_test_decides() -> None:
    found = comparison(read(Made(treated(UP)), variance_reduction="none"))
    assert found.cuped is None
    assert found.deciding == found.plain


def test_holm_is_over_arms_and_primary_metrics() -> None:
    arms = {name: Arm(weight=1 / 3) for name in ("control", "a", "b")}
    more = (metric("ctr", "primary"), metric("save_rate", "primary"), metric("revenue_per_user"))
    readout = read(Made(arms, metrics=more))
    primary = [one for one in readout.comparisons if one.metric.role == "primary"]
    assert len(primary) == 4
    p_values = [one.deciding.p_value for one in primary if isinstance(one.deciding, Estimate)]
    assert [one.holm for one in primary] == holm(p_values)
    assert all(one.holm is None for one in readout.comparisons if one not in primary)
    sequences = [one.anytime for one in readout.comparisons]
    alphas = [one.alpha for one in sequences if not isinstance(one, Refusal)]
    assert alphas == [0.0125] * 4 + [0.05] * 2


def test_a_ramp_is_decided_by_the_users_after_it() -> None:
    readout = read(Made(treated(UP), periods=RAMP, days=25))
    found = comparison(readout)
    assert (readout.period, found.control.users) == (2, 1600)
    assert isinstance(found.plain, Estimate)
    assert found.plain.users == 3200
    assert isinstance(found.by_period, Estimate)
    assert found.by_period.users == 4000
    assert found.by_period.method == "post-stratified"
    assert all(isinstance(answer, Refusal) for _, answer in found.poststratified)
    assert all(cut.note and cut.adjusted_p is None for cut in readout.cuts)


def test_without_a_ramp_segments_may_stratify() -> None:
    found = comparison(read(Made()))
    assert found.by_period is None
    assert [kind for kind, _ in found.poststratified] == ["user_type", "device"]


def test_cuts_are_one_family_per_metric_and_arm() -> None:
    readout = read(Made())
    for name, size in (("ctr", 6), ("revenue_per_user", 4)):
        family = [
            cut for cut in readout.cuts if cut.metric.metric == name and cut.adjusted_p is not None
        ]
        assert len(family) == size
        raw = [cut.estimate.p_value for cut in family if isinstance(cut.estimate, Estimate)]
        assert [cut.adjusted_p for cut in family] == benjamini_hochberg(raw)
    assert not any(cut.segment_type == "weight_period" for cut in readout.cuts)
    assert not any(cut.metric.role == "guardrail" for cut in readout.cuts)


def test_a_users_metric_by_surface_is_descriptive() -> None:
    cuts = [cut for cut in read(Made()).cuts if cut.segment_type == "surface"]
    assert {cut.metric.metric: bool(cut.note) for cut in cuts} == {
        "ctr": False,
        "revenue_per_user": True,
    }


def test_guardrails_are_judged_on_day_n_and_watched_every_day() -> None:
    made = Made(treated({"bounce_rate": 0.2}))
    [early] = read(made, 8).guardrails
    assert isinstance(early.pause, Pause)
    assert early.pause.is_due
    [late] = read(made).guardrails
    assert isinstance(late.judgement, Judgement)
    assert late.judgement.outcome == "fail"
    assert early.pause.alpha == 0.01
    [there] = read(made, 13).guardrails
    assert late.judgement == there.judgement
    assert late.pause != there.pause


def test_a_guardrail_nobody_can_judge_is_said_and_not_passed() -> None:
    readout = read_out(Made(treated(UP)).evidence(), load_guardrails().settings("exp"))
    refused = {one.guard.name for one in readout.guardrails if isinstance(one.judgement, Refusal)}
    assert refused == {"crash_free_sessions", "p95_latency_ms"}
    assert readout.recommendation.text == "ship treatment"
    assert any("not judged: the guardrails" in one for one in readout.recommendation.reasons)


def test_the_sequence_is_tuned_for_what_was_planned() -> None:
    planned = comparison(read(Made(plan={"horizon_users": 30_000.0}))).anytime
    default = comparison(read(Made())).anytime
    assert not isinstance(planned, Refusal)
    assert not isinstance(default, Refusal)
    assert (planned.horizon_users, default.horizon_users) == (30_000, 10_000)
    arms = {name: Arm(weight=0.25) for name in ("control", "treatment", "b", "c")}
    quarter = comparison(read(Made(arms, plan={"horizon_users": 30_000.0}))).anytime
    assert not isinstance(quarter, Refusal)
    assert quarter.horizon_users == 15_000


def test_power_is_told_of_every_primary_metric() -> None:
    readout = read(Made())
    [one] = readout.power
    assert one.users == 2000
    assert isinstance(one.design_effect, float)
    assert isinstance(one.users_needed, int)
    assert isinstance(one.power, float)
    assert (one.design_effect > 1.5, one.users_needed > 2000, one.power < 0.8) == (True,) * 3


# Reasons in the place of numbers.


def reasons(readout: Readout) -> set[str]:
    answers = [one.deciding for one in readout.comparisons]
    return {answer.reason for answer in answers if isinstance(answer, Refusal)}


def test_one_day() -> None:
    assert reasons(read(Made(), 0)) == {"one day"}
    assert reasons(read(Made(), 1)) == set()


def test_fewer_users() -> None:
    made = Made({"control": Arm(MINIMUM_USERS), "treatment": Arm(MINIMUM_USERS - 1)})
    assert reasons(read(made)) == {f"fewer than {MINIMUM_USERS} users"}


def test_zero_variance() -> None:
    made = Made()
    evidence = made.evidence()
    empty = {
        cell: {
            arm: type(one).of(one.users, {"sum_d": 20 * one.users, "sum_dd": 400 * one.users})
            for arm, one in by_arm.items()
        }
        for cell, by_arm in evidence.moments.items()
    }
    object.__setattr__(evidence, "moments", empty)
    object.__setattr__(evidence, "horizon", empty)
    readout = read_out(evidence, settings())
    assert reasons(readout) == {"zero variance"}
    assert "zero variance" in readout.recommendation.reasons[0]


def test_no_control_and_not_started() -> None:
    assert reasons(read(Made(plan={"control": "nobody"}))) == {"no control"}
    nothing = read(Made(plan={"started_at": None, "first_day": None}))
    assert (nothing.comparisons, nothing.schedule, nothing.day) == ((), None, None)


@pytest.mark.parametrize("number", [0, 1, 5, 13, 19])
@pytest.mark.parametrize(
    "made",
    [
        Made(treated(UP)),
        Made({"control": Arm(0), "treatment": Arm(0)}),
        Made({"control": Arm(3), "treatment": Arm(1)}),
        Made({"control": Arm(), "treatment": Arm(0)}),
        Made(periods=RAMP),
        Made(plan={"horizon_users": 1.0, "min_duration_days": 1.0}),
    ],
)
def test_no_number_is_none(made: Made, number: int) -> None:
    assert all(math.isfinite(one) for one in figures(read(made, number)))
