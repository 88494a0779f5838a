"""`dbt build` as the demo reads it: progress by its events, errors in its own words."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from alerts.demo import dbt
from alerts.demo.place import find_place
from alerts.errors import WarehouseError
from tests.project.harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def event(name: str, level: str = "info", msg: str = "", **data: Any) -> str:
    return json.dumps({"info": {"name": name, "level": level, "msg": msg}, "data": data})


def test_nodes_are_counted_and_errors_kept() -> None:
    told: list[tuple[int, int, str]] = []
    log = dbt.BuildLog(lambda *now: told.append(now))
    node = {"node_name": "engagement_daily"}
    lines = [
        event("MainReportVersion"),
        event("LogHookEndLine", index=1, total=1, node_info=node),
        event("LogStartLine", index=1, total=2, node_info=node),
        event("LogModelResult", index=1, total=2, node_info=node),
        event("LogTestResult", level="error", msg="1 of 2\n  FAIL", node_info=node),
        "Killed\n",
        "[]",
    ]
    for line in lines:
        log.read(line)

    assert told == [(done, 2, "engagement_daily") for done in (0, 1, 2)]
    assert log.errors == ["1 of 2", "  FAIL", "Killed", "[]"]


def test_only_the_last_errors_are_kept() -> None:
    log = dbt.BuildLog(lambda *_: None)
    for number in range(50):
        log.read(f"line {number}")

    assert len(log.errors) == 20
    assert log.errors[-1] == "line 49"


def test_progress_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dbt, "SECONDS_BETWEEN_LINES", 0.0)
    with dbt._progress("dbt build") as watch:
        watch(3, 74, "ctr_weekly")

    assert capsys.readouterr().err == "dbt build: 3 of 74, ctr_weekly\n"


def test_a_failing_build_ends_with_the_words_of_dbt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "models" / "broken.sql").write_text("select * from nowhere_at_all")
    lines = ["name: recwatch", 'version: "0.1.0"', "config-version: 2", "profile: recwatch"]
    (project / "dbt_project.yml").write_text("\n".join(lines))
    shutil.copy(ROOT / "profiles.yml.example", project)
    monkeypatch.setenv("RECWATCH_DUCKDB_PATH", "shop.duckdb")
    monkeypatch.delenv("DBT_LOG_PATH", raising=False)
    place = find_place(str(project), None, None, None)
    log = re.escape(str(project / "logs" / "dbt.log"))

    with pytest.raises(WarehouseError, match=rf"(?s)nowhere_at_all.*log is in {log}") as caught:
        dbt.build(place, "dbt build")

    assert caught.value.exit_code == 3
    assert "Traceback" not in str(caught.value)
    assert "RuntimeWarning" not in str(caught.value)
    assert place.database == project / "shop.duckdb"
    assert place.database.exists()
