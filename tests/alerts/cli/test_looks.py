"""`recwatch readout --looks`: each day as a readout of that day has it, from one more query."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.alerts.cli.conftest import Ran
from tests.alerts.experiments.made import DAY_ONE, Arm, Made, metric
from tests.alerts.handmade import project

if TYPE_CHECKING:
    from pathlib import Path

RAMP = (
    (0, {"control": 0.9, "a": 0.05, "b": 0.05}),
    (5, {"control": 0.4, "a": 0.3, "b": 0.3}),
)
SHARED = ("metric", "arm", "control", "treatment", "deciding", "anytime")


@pytest.fixture(autouse=True)
def marts(surroundings: None, tmp_path: Path) -> None:
    """One that is decided, one with a ramp, two arms and two primary metrics, and a draft."""
    path = tmp_path / "marts.duckdb"
    project(tmp_path, path)
    good = {"control": Arm(), "treatment": Arm(rates={"ctr": 0.115})}
    Made(good, key="good").write(path, list(range(20)))
    arms = {
        "control": Arm(3000, exposed=0.9),
        "a": Arm(2000, rates={"bounce_rate": 0.14}),
        "b": Arm(2000),
    }
    metrics = (
        metric("bounce_rate", "primary"),
        metric("revenue_per_user", "primary"),
        metric("ctr", "guardrail"),
    )
    plan = {"horizon_users": 3500, "min_duration_days": 6.0}
    ramped = Made(arms, days=16, key="ramped", periods=RAMP, metrics=metrics, plan=plan)
    ramped.write(path, list(range(16)))
    draft = {"started_at": None, "first_day": None, "status": "draft", "arms": 0, "control": None}
    Made(key="draft", plan=draft).write(path)


@pytest.fixture
def readout(capfd: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capfd, "readout")


def of_a_day(document: dict[str, Any]) -> dict[str, Any]:
    """What a readout says that a look says too."""
    return {
        "day": document["day"],
        "full_days": document["schedule"]["full_days"],
        "is_decision_day": document["schedule"]["decided_on"] == document["day"],
        "srm": {name: document["srm"][name] for name in ("assigned", "exposed")},
        "metrics": [
            {name: one[name] for name in SHARED}
            for one in document["metrics"]
            if one["role"] == "primary"
        ],
    }


def of_a_look(look: dict[str, Any]) -> dict[str, Any]:
    metrics = [{name: one[name] for name in SHARED} for one in look["metrics"]]
    return {**look, "metrics": metrics}


@pytest.mark.parametrize(("key", "first", "days"), [("good", 0, 20), ("ramped", 5, 11)])
def test_each_day_is_what_the_readout_of_that_day_says(
    readout: Ran, key: str, first: int, days: int
) -> None:
    document = readout.json(key, "--looks")
    looks = document.pop("looks")
    assert document == readout.json(key)
    expected = [str(DAY_ONE + timedelta(days=first + number)) for number in range(days)]
    assert [look["day"] for look in looks] == expected
    assert of_a_look(looks[-1]) == of_a_day(document)
    for look in looks[:-1]:
        assert of_a_look(look) == of_a_day(readout.json(key, "--as-of", look["day"]))
    (decided,) = (look["day"] for look in looks if look["is_decision_day"])
    assert decided == document["schedule"]["decided_on"]
    assert decided < looks[-1]["day"]


def test_an_earlier_readout_has_the_days_up_to_it(readout: Ran) -> None:
    every = readout.json("ramped", "--looks")["looks"]
    earlier = readout.json("ramped", "--looks", "--as-of", "2025-03-11")["looks"]
    assert earlier == every[:4]
    assert not any(look["is_decision_day"] for look in earlier)
    # Of the ramp's own days the ramp's own users decide.
    ramp = readout.json("ramped", "--looks", "--as-of", "2025-03-06")["looks"]
    assert [look["day"] for look in ramp] == [str(date(2025, 3, 3 + n)) for n in range(4)]


def test_what_a_sequence_is_sure_of_follows_the_better_direction(readout: Ran) -> None:
    last = readout.json("ramped", "--looks")["looks"][-1]["metrics"]
    said = {(one["metric"], one["arm"]): one["at_every_look"] for one in last}
    assert said == {
        ("bounce_rate", "a"): "worse",
        ("bounce_rate", "b"): None,
        ("revenue_per_user", "a"): None,
        ("revenue_per_user", "b"): None,
    }
    (ctr,) = readout.json("good", "--looks")["looks"][-1]["metrics"]
    assert ctr["at_every_look"] == "better"


def test_the_table_marks_what_is_not_valid_and_what_decides(
    readout: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, plain, _ = readout("good")
    assert "day by day" not in plain
    _, out, _ = readout("good", "--looks")
    lines = out.split("ctr in treatment, day by day, by cuped")[1].splitlines()
    days = [line for line in lines if line.startswith("2025-03") and " pp" in line]
    assert len(days) == 20
    assert all("not valid before day 14" in line for line in days[:13])
    assert "day 14: it decides " in days[13]
    assert all("after day 14: it decides nothing" in line for line in days[14:])
    assert "one day" in days[0]
    # The last of them is what the readout itself says.
    cells = [cell.strip() for cell in days[-1].split("  ") if cell.strip()]
    assert cells[:5] == ["2025-03-22", "19", "4,000", "10.13 %", "11.95 %"]
    assert f"at every look together: {cells[-2]}," in plain
    assert cells[5] in plain
    assert out.split("Split of users, day by day")[1].count("\n2025-03-") == 20
    early = readout("good", "--looks", "--as-of", "2025-03-10")[1]
    assert "decides nothing" not in early.split("day by day")[1]


def test_before_there_is_a_day_there_is_no_look(readout: Ran) -> None:
    assert readout.json("draft", "--looks")["looks"] == []
    code, out, _ = readout("draft", "--looks")
    assert code == 0
    assert "day by day" not in out
    assert "looks" not in json.loads(readout("draft", "--json")[1])
