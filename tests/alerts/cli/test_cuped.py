"""`recwatch cuped`: both estimates, and what the users' past took out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.experiments.cuped import Cuped, cuped
from alerts.experiments.results import Estimate
from tests.alerts.cli.test_readout import ESTIMATE_KEYS, Ran, surroundings  # noqa: F401 - a fixture
from tests.alerts.experiments.made import Arm, Made
from tests.alerts.handmade import project

if TYPE_CHECKING:
    from pathlib import Path

MADE = Made({"control": Arm(), "treatment": Arm(rates={"ctr": 0.12})})


@pytest.fixture(autouse=True)
def marts(tmp_path: Path) -> None:
    project(tmp_path, tmp_path / "marts.duckdb")
    MADE.write(tmp_path / "marts.duckdb")
    draft = {"started_at": None, "first_day": None, "status": "draft"}
    Made(key="draft", plan=draft).write(tmp_path / "marts.duckdb")


def test_the_figures_are_those_of_the_test(capsys: pytest.CaptureFixture[str]) -> None:
    document = Ran(capsys, "cuped", "exp", "--json").document
    assert set(document) == {"experiment", "day", "alpha", "metrics"}
    [ctr] = [one for one in document["metrics"] if one["metric"] == "ctr"]
    assert set(ctr) == {
        "metric",
        "role",
        "kind",
        "arm",
        "unadjusted",
        "adjusted",
        "theta",
        "correlation",
        "variance_cut",
    }
    assert set(ctr["unadjusted"]) == set(ctr["adjusted"]) == ESTIMATE_KEYS
    by_arm = MADE.evidence().whole("ctr")
    found = cuped("ratio", by_arm["control"], by_arm["treatment"])
    assert isinstance(found, Cuped)
    assert isinstance(found.adjusted, Estimate)
    assert ctr["theta"] == pytest.approx(found.theta)
    assert ctr["correlation"] == pytest.approx(found.correlation)
    assert ctr["variance_cut"] == pytest.approx(found.variance_cut)
    assert ctr["adjusted"]["p_value"] == pytest.approx(found.adjusted.p_value)
    assert 0.05 < ctr["variance_cut"] < 0.5


def test_one_metric(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "cuped", "exp", "--metric", "revenue_per_user")
    assert "revenue_per_user" in ran.out
    assert "ctr" not in ran.out
    assert "Correlation" in ran.out


def test_it_is_shown_where_it_does_not_decide(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("experiment_defaults: {variance_reduction: none}")
    monkeypatch.setenv("RECWATCH_GUARDRAILS", str(file))
    document = Ran(capsys, "cuped", "exp", "--json").document
    assert all(one["theta"] is not None for one in document["metrics"])


def test_mistakes_and_nothing_to_compare(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "cuped", "exp", "--metric", "nope")
    assert (ran.code, ran.out) == (2, "")
    assert "exp has no metric 'nope': there are ctr, revenue_per_user, bounce_rate" in ran.err
    assert Ran(capsys, "cuped", "nope").code == 2
    draft = Ran(capsys, "cuped", "draft")
    assert draft.code == 0
    assert "Nothing to compare: not started" in draft.out
