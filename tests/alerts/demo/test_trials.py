"""Alerts on experiments against what is wrong with them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from alerts.backtest.truth import read_truth
from alerts.demo.compare import Comparison, compare
from alerts.demo.show import expected, found, surface_of
from tests.alerts.demo.samples import day, observed, of_trial, rules, trial

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.runner import Episode

SLOW = {"size": {"slow_response_rate": {"treatment": 2.0}}}


def held(
    tmp_path: Path, entries: list[dict[str, Any]], *episodes: Episode, **seen: Any
) -> Comparison:
    file = tmp_path / "truth.json"
    document = {"rows": {}, "incidents": [], "last_full_day": "2025-06-02", "experiments": entries}
    file.write_text(json.dumps(document))
    return compare(read_truth(file), rules().rules, episodes, observed(**seen))


def of_kind(kind: str, **changed: Any) -> dict[str, Any]:
    entry = trial(kind)
    entry["wrong"] |= changed.pop("wrong", {})
    return entry | changed


def test_a_mismatch_is_found_by_its_rule(tmp_path: Path) -> None:
    comparison = held(tmp_path, [trial()], of_trial())
    (finding,) = comparison.findings
    assert comparison.ok
    assert (finding.status, found(finding)) == ("found", f"experiment-srm {day(2)}")
    assert (finding.incident.id, finding.incident.kind) == ("redirect", "srm")
    assert finding.incident.days == "2025-05-28 to 06-02"
    assert surface_of(finding) == "home, pdp"


@pytest.mark.parametrize(
    "alarm",
    [
        pytest.param(of_trial(experiment_key="ranker_aa"), id="another experiment"),
        pytest.param(of_trial(first=0, last=5), id="before it went wrong"),
        pytest.param(of_trial("experiment-mixed-users"), id="another rule"),
        pytest.param(
            of_trial("experiment-guardrail", guardrail="slow_response_rate"), id="a guardrail"
        ),
        pytest.param(of_trial("experiment-ctr-delta", variation="treatment"), id="a delta"),
    ],
)
def test_anything_else_is_a_false_alarm(tmp_path: Path, alarm: Episode) -> None:
    comparison = held(tmp_path, [trial()], alarm)
    assert comparison.false_alarms == (alarm,)
    assert comparison.findings[0].status == "missed"


def test_on_sound_experiments_every_alert_is_a_false_alarm(tmp_path: Path) -> None:
    sound = trial(wrong=None)
    alarms = (of_trial(), of_trial("experiment-guardrail", guardrail="bounce_rate"))
    comparison = held(tmp_path, [sound], *alarms)
    assert (comparison.findings, comparison.false_alarms) == ((), alarms)


def test_a_guardrail_is_found_by_the_metric_that_suffers(tmp_path: Path) -> None:
    slow = of_trial("experiment-guardrail", guardrail="slow_response_rate", variation="treatment")
    bounce = of_trial("experiment-guardrail", guardrail="bounce_rate", variation="treatment")
    comparison = held(tmp_path, [of_kind("guardrail", wrong=SLOW)], slow, bounce)
    assert comparison.findings[0].episodes == (slow,)
    assert comparison.false_alarms == (bounce,)


def test_an_idle_arm_is_a_mismatch(tmp_path: Path) -> None:
    assert held(tmp_path, [of_kind("idle_arm")], of_trial()).ok


def test_mixed_users_are_found_by_their_rule(tmp_path: Path) -> None:
    entry = of_kind("mixed_users", mixed_users={"control": 150})
    assert held(tmp_path, [entry], of_trial("experiment-mixed-users")).ok
    assert not held(tmp_path, [entry]).ok


@pytest.mark.parametrize("kind", ["ramp", "restart"])
def test_what_no_rule_is_to_find(tmp_path: Path, kind: str) -> None:
    comparison = held(tmp_path, [of_kind(kind)])
    assert comparison.findings[0].status == "shown"
    assert held(tmp_path, [of_kind(kind)], of_trial()).false_alarms == (of_trial(),)


@pytest.mark.parametrize(
    ("kind", "users", "seen", "said"),
    [
        ("srm", (70, 60), {}, "130 users are too few to show it"),
        ("srm", (0, 0), {}, "too few users to show it: not started"),
        ("mixed_users", (249, 250), {}, "499 users are too few"),
        ("guardrail", (130, 130), {"redirect": 99}, "99 users in an arm are too few to judge"),
    ],
)
def test_what_so_small_a_shop_cannot_show(
    tmp_path: Path, kind: str, users: tuple[int, int], seen: dict[str, int], said: str
) -> None:
    """Judged by what was planted: a rule that says nothing excuses nothing."""
    entry = of_kind(kind, wrong=SLOW, mixed_users={"control": 100})
    entry["periods"][0]["assigned_users"] = dict(zip(("control", "treatment"), users, strict=True))
    (finding,) = held(tmp_path, [entry], exposed=seen).findings
    assert (finding.status, finding.instead) == ("shown", said)
    assert expected(finding).startswith("too small in this shop for experiment-")
    entry["periods"][0]["assigned_users"] = {"control": 1500, "treatment": 1200}
    (finding,) = held(tmp_path, [entry], exposed={"redirect": 100}).findings
    assert finding.status == "missed"


def test_after_a_restart_only_the_newer_users_count(tmp_path: Path) -> None:
    entry = trial()
    older = entry["periods"][0] | {"weights": {"control": 0.9, "treatment": 0.1}}
    newer = entry["periods"][0] | {
        "restarts": True,
        "assigned_users": {"control": 700, "treatment": 690},
    }
    (finding,) = held(tmp_path, [entry | {"periods": [older, newer]}]).findings
    assert finding.instead == "1,390 users are too few to show it"


def test_an_experiment_that_ended_was_wrong_until_then(tmp_path: Path) -> None:
    ended = trial(ended_at="2025-05-31T00:00:00.000Z")
    comparison = held(tmp_path, [ended], of_trial())
    assert comparison.findings[0].incident.last_day == day(4)
    late = replace(of_trial(), first=day(5), fired=day(5), last=day(6))
    assert held(tmp_path, [ended], late).false_alarms == (late,)


def test_a_truth_from_before_there_were_experiments(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"rows": {}, "incidents": []}))
    assert read_truth(file).incidents == ()
