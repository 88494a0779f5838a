"""`recwatch power` as a user calls it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from alerts.cli import cli
from alerts.errors import ConfigurationError

PLAN = ("--baseline", "0.05", "--lift", "0.03")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["power", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: str) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json"))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("power", "users"), [("0.8", 336_099), ("0.9", 449_941), ("0.95", 556_450)]
)
def test_users_of_the_plan(power: str, users: int) -> None:
    answer = told(*PLAN, "--power", power)
    assert (answer["users_per_arm"], answer["users"]) == (users, 2 * users)
    assert answer["power"] == float(power)
    assert f"{users:,} users per arm" in run(*PLAN, "--power", power)
    [cell] = [c for c in answer["table"] if (c["lift"], c["power"]) == (0.03, float(power))]
    assert cell == {"lift": 0.03, "power": float(power), "users_per_arm": users, "reason": None}


def test_power_of_the_users_planned() -> None:
    alone = told(*PLAN, "--users", "600000")
    assert alone["power"] == pytest.approx(0.963, abs=0.0005)
    clustered = told(*PLAN, "--users", "600000", "--design-effect", "1.785")
    assert clustered["power"] == pytest.approx(0.8, abs=0.0005)
    assert clustered["detectable_lift"] == pytest.approx(0.03, abs=0.00001)
    assert clustered["detectable_lift_power"] == 0.8
    text = run(*PLAN, "--users", "600000", "--design-effect", "1.785")
    assert "with power 0.8." in text.splitlines()[0]
    assert "design effect 1.785" in text


def test_the_least_lift_needs_what_it_is_given() -> None:
    answer = told("--baseline", "0.05", "--users", "336099")
    assert answer["power"] is None
    assert answer["detectable_lift"] == pytest.approx(0.03, rel=1e-5)


def test_a_mean_by_its_deviation() -> None:
    answer = told("--baseline", "50", "--sd", "100", "--lift", "0.02")
    # (1.959964 + 0.841621)² × 2 × 100² / 1²
    assert answer["users_per_arm"] == 156_978
    assert answer["kind"] == "mean"
    least = told("--baseline", "50", "--sd", "100", "--users", "156978")["detectable_lift"]
    assert least == pytest.approx(0.02, rel=1e-5)


def test_arms_share_alpha() -> None:
    answer = told(*PLAN, "--arms", "3")
    assert answer["alpha_per_arm"] == 0.025
    assert answer["users"] == 3 * answer["users_per_arm"]
    assert answer["users_per_arm"] == told(*PLAN, "--alpha", "0.025")["users_per_arm"]
    assert "0.025 for each of 2 treatments" in run(*PLAN, "--arms", "3")


def test_what_cannot_be_found_is_said() -> None:
    answer = told("--baseline", "0.9", "--users", "5")
    assert answer["detectable_lift"] is None
    assert answer["reason"] == "too few users to find any lift"
    assert answer["table"] == []
    assert "too few users" in run("--baseline", "0.9", "--users", "5")


def test_lifts_in_the_table_that_are_no_rates() -> None:
    table = told("--baseline", "0.6", "--lift", "0.5")["table"]
    assert {c["reason"] for c in table if c["lift"] == 1.0} == {"a rate outside 0 to 1"}
    assert "-" in run("--baseline", "0.6", "--lift", "0.5").splitlines()[-1].split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "0.05"], "--lift is missing"),
        (["--baseline", "5", "--lift", "0.03"], "--baseline 5: a rate is between 0 and 1"),
        (["--baseline", "nan", "--lift", "0.03"], "--baseline nan"),
        (["--baseline", "0", "--sd", "1", "--lift", "0.03"], "--baseline 0: a lift is relative"),
        (["--baseline", "inf", "--sd", "1", "--lift", "0.03"], "--baseline inf"),
        (["--baseline", "0.5", "--lift", "3"], "would become 2, which is no rate"),
        ([*PLAN[:3], "0"], "--lift 0"),
        ([*PLAN[:3], "nan"], "--lift nan"),
        ([*PLAN[:3], "1e-200"], "lift too small to find"),
        ([*PLAN, "--power", "1"], "--power 1: must be between 0.025"),
        ([*PLAN, "--power", "0.01"], "--power 0.01"),
        ([*PLAN, "--alpha", "0"], "--alpha 0"),
        ([*PLAN, "--alpha", "5"], "--alpha 5"),
        ([*PLAN, "--design-effect", "0"], "--design-effect 0"),
        ([*PLAN, "--design-effect", "inf"], "--design-effect inf"),
        ([*PLAN, "--sd", "0"], "--sd 0"),
        ([*PLAN, "--sd", "2", "--design-effect", "2"], "--design-effect is for rates"),
    ],
)
def test_what_makes_no_sense_is_answered_with_its_flag(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        CliRunner().invoke(cli, ["power", *arguments], catch_exceptions=False)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("flags", [["--users", "0"], ["--arms", "1"]])
def test_counts_that_click_refuses(flags: list[str]) -> None:
    assert CliRunner().invoke(cli, ["power", *PLAN, *flags]).exit_code == 2
