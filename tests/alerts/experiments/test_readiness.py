"""Whether an experiment is ready: what is there, what is missing, what nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.experiments.guardrail_file import Settings
from alerts.experiments.readiness import checks
from alerts.experiments.readout import read_out
from tests.alerts.experiments.made import METRICS, Arm, Made, metric

if TYPE_CHECKING:
    from alerts.experiments.readout import Readout

SETTINGS = Settings(variance_reduction="cuped", min_duration_days=14.0)


def states(readout: Readout) -> dict[str, str]:
    return {one.check: one.state for one in checks(readout)}


def test_everything_is_ready() -> None:
    made = Made(plan={"horizon_users": 50_000.0})
    found = states(read_out(made.evidence(), SETTINGS))
    assert set(found.values()) == {"ok"}
    assert all(one.todo == "" for one in checks(read_out(made.evidence(), SETTINGS)))


def test_before_the_start_nothing_is_fine_that_nobody_knows() -> None:
    plan = {"started_at": None, "first_day": None, "arms": 0, "control": None, "status": "draft"}
    found = checks(read_out(Made(plan=plan).evidence(), SETTINGS))
    unknown = {one.check for one in found if one.state == "unknown"}
    assert {"weights", "control", "assignments", "exposures", "ramp split"} <= unknown
    assert {"measures ctr", "duration", "ramp assignment", "ramp guardrails"} <= unknown
    assert all(one.todo for one in found if one.state != "ok")


@pytest.mark.parametrize(
    ("made", "check"),
    [
        (Made(), "duration"),
        (Made(plan={"control": None}), "control"),
        (Made(metrics=(metric("ctr", "primary", is_measured=False), METRICS[2])), "primary_metric"),
        (Made(metrics=METRICS[:2]), "guardrails"),
        (Made({"control": Arm(), "treatment": Arm(1500)}), "ramp split"),
        (Made(health={"exposed_without_assignment": 1}), "ramp assignment"),
        (Made({"control": Arm(), "treatment": Arm(rates={"bounce_rate": 0.2})}), "ramp guardrails"),
        (Made(health={"exposed_users": 0}), "exposures"),
        (Made(health={"assigned_users": 0}), "assignments"),
        (Made(plan={"horizon_users": 5000.0}), "duration"),
    ],
)
def test_what_is_missing(made: Made, check: str) -> None:
    assert states(read_out(made.evidence(), SETTINGS))[check] == "missing"


def test_guardrails_of_too_few_users_are_unknown() -> None:
    made = Made({"control": Arm(50), "treatment": Arm(50)})
    assert states(read_out(made.evidence(), SETTINGS))["ramp guardrails"] == "unknown"
