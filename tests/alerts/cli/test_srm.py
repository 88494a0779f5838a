"""`recwatch srm`: counts as typed, and an experiment of the marts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.alerts.cli.test_readout import Ran, surroundings  # noqa: F401 - a fixture
from tests.alerts.experiments.made import Arm, Made
from tests.alerts.handmade import project

EXPECTED = Path(__file__).parents[4] / "shared" / "data" / "cookie_cats" / "expected.json"
KEYS = {
    "arms",
    "observed",
    "expected",
    "chi2",
    "df",
    "p_value",
    "log10_bayes_factor",
    "is_mismatch",
    "is_mismatch_anytime",
    "reason",
}


def test_the_cookie_cats(capsys: pytest.CaptureFixture[str]) -> None:
    document = Ran(capsys, "srm", "--counts", "44700,45489", "--json").document
    assert set(document) == {"counts", "weights", "srm"}
    assert set(document["srm"]) == KEYS
    assert document["srm"]["chi2"] == pytest.approx(6.9024049496058275, rel=1e-12)
    assert document["srm"]["p_value"] == pytest.approx(0.008607987810836262, rel=1e-12)
    assert document["srm"]["is_mismatch"] is False
    if EXPECTED.exists():
        published = json.loads(EXPECTED.read_text())["srm_50_50"]
        assert document["counts"] == published["observed"]
        assert document["srm"]["p_value"] == pytest.approx(published["p"], rel=1e-12)


def test_counts_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "srm", "--counts", "44700,45489")
    assert ran.code == 0
    assert "arm 2  45,489  45,094.5" in ran.out
    assert "Split of users: fits: chi-square 6.90, df 1, p 0.0086" in ran.out
    ran = Ran(capsys, "srm", "--counts", "900,1100", "--weights", "0.5,0.5")
    assert "MISMATCH" in ran.out


def test_weights_need_not_add_up_to_one(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Ran(capsys, "srm", "--counts", "100,310", "--weights", weights, "--json").document["srm"]
        for weights in ("1,3", "0.25,0.75")
    ]
    assert found[0] == found[1]
    assert found[0]["expected"] == [102.5, 307.5]


def test_no_users_are_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert Ran(capsys, "srm", "--counts", "0,0", "--json").document["srm"] == {
        "reason": "not started"
    }
    assert "not tested: not started" in Ran(capsys, "srm", "--counts", "0,0").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either EXPERIMENT or --counts"),
        (("exp", "--counts", "1,2"), "give either EXPERIMENT or --counts"),
        (("exp", "--weights", "1,2"), "--weights goes with --counts"),
        (("--counts", "1,-2"), "write users by arm, such as 44700,45489"),
        (("--counts", "1.5,2"), "write users by arm"),
        (("--counts", "1"), "give the users of two arms at least"),
        (("--counts", "1,2,3", "--weights", "1,2"), "3 --counts and 2 --weights: give as many"),
        (("--counts", "1,2", "--weights", "0,0"), "write weights by arm, such as 0.5,0.5"),
        (("--counts", "1,2", "--weights", "1,nan"), "write weights by arm"),
        (("--counts", "1,2", "--weights", "1,-1"), "write weights by arm"),
    ],
)
def test_mistakes(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    ran = Ran(capsys, "srm", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.fixture
def marts(tmp_path: Path) -> None:
    path = tmp_path / "marts.duckdb"
    project(tmp_path, path)
    periods = ((0, {"control": 0.9, "treatment": 0.1}), (5, {"control": 0.5, "treatment": 0.5}))
    ramp = {"control": Arm(2000), "treatment": Arm(2000)}
    Made(ramp, key="ramp", periods=periods).write(path)
    Made({"control": Arm(), "treatment": Arm(mixed=300)}, key="mixed").write(path)
    draft = {"started_at": None, "first_day": None, "status": "draft"}
    Made(key="draft", plan=draft).write(path)


@pytest.mark.usefixtures("marts")
def test_an_experiment_by_weight_period(capsys: pytest.CaptureFixture[str]) -> None:
    """Half of each arm in the first period, where nine tenths were to be control."""
    document = Ran(capsys, "srm", "ramp", "--json").document
    assert set(document) == {"experiment", "day", "problems", "srm", "health"}
    assert document["srm"]["assigned"]["is_mismatch"] is True
    assert document["srm"]["assigned"]["expected"] == [2400, 1600]
    assert [row["assigned_users"] for row in document["srm"]["users"]] == [500, 500, 1500, 1500]
    ran = Ran(capsys, "srm", "ramp")
    assert "Split of assigned users: MISMATCH" in ran.out
    assert "What to do: Stop reading the metrics." in ran.out


@pytest.mark.usefixtures("marts")
def test_mixed_users_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "srm", "mixed")
    assert "Split of assigned users: fits" in ran.out
    assert "mixed 300" in ran.out
    assert "What to do: Assign by a key that stays with the user" in ran.out


@pytest.mark.usefixtures("marts")
def test_a_draft_has_no_split(capsys: pytest.CaptureFixture[str]) -> None:
    document = Ran(capsys, "srm", "draft", "--json").document
    assert document["srm"]["assigned"] == {"reason": "not started"}
    assert Ran(capsys, "srm", "draft").code == 0
    assert Ran(capsys, "srm", "nope").code == 2
