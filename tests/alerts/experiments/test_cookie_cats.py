"""A real experiment on 90,189 players gives the figures that were computed without this product."""

from __future__ import annotations

import csv
import gzip
import json
from typing import Any

import numpy as np
import pytest

from alerts.experiments.estimates import welch
from alerts.experiments.proportions import Counts, two_proportions
from tests.alerts.experiments.reference import Users, done, exactly
from tests.project.harness import ROOT

DATA = ROOT.parent / "shared" / "data" / "cookie_cats"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real experiment (shared/data/cookie_cats) is not part of a clone"
)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((DATA / "expected.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def players() -> dict[str, list[dict[str, str]]]:
    """By version of the game: the gate at level 30 is control."""
    with gzip.open(DATA / "cookie_cats.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    return {v: [row for row in rows if row["version"] == v] for v in ("gate_30", "gate_40")}


def test_rounds_per_player(
    players: dict[str, list[dict[str, str]]], expected: dict[str, Any]
) -> None:
    figures = expected["welch_gamerounds_all"]
    moments = []
    for version, arm in zip(("gate_30", "gate_40"), ("control", "treatment"), strict=True):
        m = np.array([int(row["sum_gamerounds"]) for row in players[version]])
        ones = np.ones_like(m)
        moments.append(Users(m, ones, ones, ones).moments())
        assert moments[-1].users == figures[arm]["n"]
        assert float(moments[-1].covariance("m", "m")) == pytest.approx(
            figures[arm]["var"], rel=1e-12
        )
    result = done(welch(*moments))
    assert (result.control, result.treatment) == exactly(
        figures["control"]["mean"], figures["treatment"]["mean"]
    )
    assert (result.difference, result.std_error, result.statistic) == exactly(
        figures["diff_abs"], figures["se"], figures["t"]
    )
    assert (result.degrees_of_freedom, result.p_value) == exactly(figures["df"], figures["p"])
    assert (result.interval.low, result.interval.high) == exactly(*figures["ci95"])
    assert result.lift.value == pytest.approx(figures["lift_rel"], rel=1e-9)
    # Fieller's interval, and tea-tasting's by logarithms: not the same, but near on so many.
    lift = result.lift.interval
    assert (lift.low, lift.high) == pytest.approx(figures["tea_tasting_relative_ci95"], abs=1e-3)


@pytest.mark.parametrize("days", ["1", "7"])
def test_retention(
    days: str, players: dict[str, list[dict[str, str]]], expected: dict[str, Any]
) -> None:
    figures = expected[f"z_retention_{days}"]
    counts = [
        Counts(
            sum(row[f"retention_{days}"] == "True" for row in players[version]),
            len(players[version]),
        )
        for version in ("gate_30", "gate_40")
    ]
    result = done(two_proportions(*counts))
    pooled, bounds = figures["pooled_z"], figures["unpooled_z"]["ci95_diff_abs"]
    assert (result.statistic, result.p_value, result.std_error) == exactly(
        pooled["z"], pooled["p"], pooled["se"]
    )
    assert (result.difference, result.lift.value) == exactly(
        figures["diff_abs"], figures["lift_rel"]
    )
    assert (result.interval.low, result.interval.high) == exactly(*bounds)
