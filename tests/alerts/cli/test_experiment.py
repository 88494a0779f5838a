"""`recwatch experiment`: a row through the strict reader, and whether an experiment is ready."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.alerts.cli.test_readout import Ran, surroundings  # noqa: F401 - a fixture
from tests.alerts.experiments.made import Arm, Made
from tests.alerts.handmade import project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def shop(tmp_path: Path) -> Path:
    """The files by which the warehouse is found; the warehouse is yet to be."""
    project(tmp_path, tmp_path / "shop.duckdb")
    return tmp_path / "shop.duckdb"


def rows(path: Path) -> list[tuple[Any, ...]]:
    query = "select experiment_key, status, variations, config, owner, started_at is null"
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return connection.execute(f"{query} from raw.experiments").fetchall()


def metrics(path: Path) -> None:
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute("create schema reference")
        connection.execute("create table reference.experiment_metrics (metric text)")
        connection.execute("insert into reference.experiment_metrics values ('ctr'), ('rpm')")


def test_a_dry_run_prints_the_row_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], shop: Path
) -> None:
    ran = Ran(capsys, "experiment", "new", "blend_v3")
    assert ran.code == 0
    row = json.loads(ran.out[: ran.out.index("Not written")])
    assert (row["experiment_key"], row["status"]) == ("blend_v3", "draft")
    assert [one["weight"] for one in row["variations"]] == [0.5, 0.5]
    assert [one["is_control"] for one in row["variations"]] == [True, False]
    assert row["config"]["min_duration_days"] == 14
    assert row["config"]["guardrails"][1] == {
        "name": "crash_free_sessions",
        "direction": "higher_is_better",
        "threshold": "-0.2%",
    }
    assert "nobody looked whether blend_v3 exists" in ran.err
    assert not shop.exists()


def test_it_is_written_through_the_strict_reader(
    capsys: pytest.CaptureFixture[str], shop: Path
) -> None:
    metrics(shop)
    flags = ("--arms", "a:0.9,b:0.1", "--control", "b", "--source", "shop_events", "--owner", "me")
    flags += ("--surfaces", "home, pdp", "--primary", "ctr,rpm", "--horizon-users", "40000")
    flags += ("--latency-threshold-ms", "300", "--starts-at", "2025-06-02")
    ran = Ran(capsys, "experiment", "new", "blend_v3", *flags, "--write")
    assert (ran.code, ran.err) == (0, "")
    assert "Written to raw.experiments. Next: `dbt build`" in ran.out
    [(key, status, variations, config, owner, is_draft)] = rows(shop)
    assert (key, status, owner, is_draft) == ("blend_v3", "running", "me", False)
    assert json.loads(variations)[1] == {"key": "b", "weight": 0.1, "is_control": True}
    told = json.loads(config)
    assert told.pop("guardrails")
    assert told == {
        "source": "shop_events",
        "primary_metric": ["ctr", "rpm"],
        "min_duration_days": 14,
        "surfaces": ["home", "pdp"],
        "horizon_users": 40000,
        "latency_threshold_ms": 300,
    }


def test_one_that_exists_says_so(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    metrics(shop)
    assert Ran(capsys, "experiment", "new", "e", "--write").code == 0
    for flags in ((), ("--write",)):
        ran = Ran(capsys, "experiment", "new", "e", *flags)
        assert (ran.code, ran.out) == (2, "")
        assert "experiment 'e' exists in raw.experiments: load a newer version" in ran.err
    assert len(rows(shop)) == 1


def test_json(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    metrics(shop)
    document = Ran(capsys, "experiment", "new", "e", "--json").document
    assert set(document) == {"written", "row", "warnings"}
    assert (document["written"], document["warnings"]) == (False, [])
    assert Ran(capsys, "experiment", "new", "e", "--json", "--write").document["written"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a b",), "experiment key 'a b': letters, digits"),
        (("e", "--arms", "a:0.5"), "at least two arms must have a weight above 0"),
        (("e", "--arms", "a:1,b:0"), "at least two arms must have a weight above 0"),
        (("e", "--arms", "a:0.5,a:0.5"), "the arm 'a' is given twice"),
        (("e", "--arms", "a=0.5,b=0.5"), "write arms such as control:0.5,treatment:0.5"),
        (("e", "--arms", "a:-1,b:1"), "write arms such as"),
        (("e", "--control", "x"), "'x' must be an arm with a weight: one of control, treatment"),
        (("e", "--primary", "ctr,x"), "--primary: no metric x in reference.experiment_metrics"),
        (("e", "--source", "x"), "Invalid value for '--source'"),
        (("e", "--ends-at", "2025-01-01"), "--ends-at must be later than --starts-at"),
        (("e", "--starts-at", "soon"), "write 2025-03-10"),
    ],
)
def test_mistakes(
    capsys: pytest.CaptureFixture[str], shop: Path, arguments: tuple[str, ...], said: str
) -> None:
    metrics(shop)
    ran = Ran(capsys, "experiment", "new", *arguments, "--write")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_ready(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    Made({"control": Arm(), "treatment": Arm(1500)}, key="lossy").write(shop)
    draft = {"started_at": None, "first_day": None, "status": "draft", "arms": 0, "control": None}
    Made(key="draft", plan=draft).write(shop)
    document = Ran(capsys, "experiment", "ready", "lossy", "--json").document
    assert set(document) == {"experiment", "day", "is_ready", "checks"}
    assert document["is_ready"] is False
    states = {one["check"]: one["state"] for one in document["checks"]}
    assert states["ramp split"] == "missing"
    assert states["exposures"] == "ok"
    assert {frozenset(one) for one in document["checks"]} == {
        frozenset({"check", "state", "said", "todo"})
    }
    ran = Ran(capsys, "experiment", "ready", "draft")
    assert ran.code == 0
    assert "unknown" in ran.out
    assert "Not ready: " in ran.out
    assert Ran(capsys, "experiment", "ready", "nope").code == 2
