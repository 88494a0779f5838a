"""`recwatch backtest` as it is typed, on marts made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from alerts.cli import main
from tests.alerts.handmade import Marts, healthy, project

RULES = """
version: 1
receivers: [{name: team, type: slack, channel: "#team", token_env: TEAM_TOKEN}]
rules:
  - name: ctr
    mart: analytics.engagement_daily
    metric: ctr
    by: [surface]
    when: "< 0.04"
    receiver: team
"""
NEW = """
version: 1
rules:
  - name: ctr-tried
    mart: analytics.engagement_daily
    metric: ctr
    by: [surface]
    when: "< 0.01"
    receiver: team
    max_false_per_30d: 0
"""
# DAY_ONE is 2025-03-03. CTR of `home` is 2 % on days 20 to 22, 0.5 % on day 30.
LOW = {20: 20, 21: 20, 22: 20, 30: 5}
RANGE = ("--from", "2025-03-08", "--to", "2025-04-07")


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Marts:
    monkeypatch.chdir(tmp_path)
    for name in (
        "DBT_TARGET",
        "DBT_PROFILES_DIR",
        "DBT_PROJECT_DIR",
        "RECWATCH_RULES",
        "RECWATCH_GUARDRAILS",
        "COLUMNS",
    ):
        monkeypatch.delenv(name, raising=False)
    made = Marts(tmp_path / "marts.duckdb")
    project(tmp_path, made.path)
    cells = healthy(40)
    for cell in cells:
        if cell.surface == "home" and cell.day in LOW:
            cell.clicks = LOW[cell.day]
    made.daily(*cells)
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "new.yml").write_text(NEW)
    return made


def planted(*incidents: dict[str, Any]) -> str:
    base = {
        "mart": "analytics.engagement_daily",
        "metric": "ctr",
        "kind": "ctr_drop",
        "sentence": "It fell.",
        "table": "personalization_metrics",
        "size": {},
    }
    document = {"rows": {}, "incidents": [base | one for one in incidents]}
    Path("truth.json").write_text(json.dumps(document))
    return "truth.json"


def drop(name: str, surface: str, first: str, last: str) -> dict[str, Any]:
    return {"id": name, "surface": surface, "first_day": first, "last_day": last}


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backtest", *RANGE, "--rules", "rules.yml", *arguments])
    assert not ended.value.code


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    run("--json", *arguments)
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_what_a_rule_would_have_sent(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys)
    [rule] = found["rules"]
    assert [one["fired"] for one in rule["episodes"]] == ["2025-03-23", "2025-04-02"]
    assert rule["messages"] == {"firing": 2, "repeated": 2, "resolved": 2, "total": 6}
    assert (rule["series"], rule["days_firing"], rule["receivers"]) == (3, 4, ["team"])
    assert rule["per_30d"] == 2
    # Three surfaces for 30 days.
    assert rule["series_years"] == pytest.approx(90 / 365.25, abs=1e-4)
    assert (found["score"], found["incidents"]) == (None, None)
    assert "late rows as of now" in found["remarks"][-1]


def test_it_is_judged_with_what_was_known_by_then(capsys: pytest.CaptureFixture[str]) -> None:
    """A range that ends within an episode: as of its end it is open, and unresolved."""
    main_range = ("--from", "2025-03-20", "--to", "2025-03-25", "--rules", "rules.yml", "--json")
    with pytest.raises(SystemExit):
        main(["backtest", *main_range])
    [rule] = json.loads(capsys.readouterr().out)["rules"]
    [episode] = rule["episodes"]
    assert (episode["last"], episode["open"]) == ("2025-03-24", True)
    assert rule["messages"] == {"firing": 1, "repeated": 1, "resolved": 0, "total": 2}


def test_a_new_rule_is_tried_before_it_is_enabled(capsys: pytest.CaptureFixture[str]) -> None:
    """Its receiver is one of the files in use; only it is judged, unless others are named."""
    found = document(capsys, "--rule", "new.yml")
    assert [one["name"] for one in found["rules"]] == ["ctr-tried"]
    assert [one["fired"] for one in found["rules"][0]["episodes"]] == ["2025-04-02"]
    assert found["rules"][0]["above_budget"] is True
    both = document(capsys, "--rule", "new.yml", "--rule", "ctr")
    assert {one["name"] for one in both["rules"]} == {"ctr", "ctr-tried"}


def test_against_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    truth = planted(
        drop("found", "home", "2025-03-22", "2025-03-25"),
        drop("missed", "pdp", "2025-03-20", "2025-03-21"),
        drop("before", "pdp", "2025-03-04", "2025-03-05"),
    )
    found = document(capsys, "--truth", truth)
    score = found["score"]
    assert (score["recall"], score["precision"]) == (0.5, 0.5)
    assert (score["covered"], score["found"], score["false_episodes"]) == (2, 1, 1)
    assert score["false_per_series_year"] == pytest.approx(365.25 / 90)
    # It began on the 22nd; the day that fired, the 23rd, was over two days later.
    delays = {one["id"]: one["delay_seconds"] for one in found["incidents"]}
    assert delays == {"missed": None, "found": 2 * 86_400}
    assert [one["false"] for one in found["rules"][0]["episodes"]] == [False, True]
    # Of a rule whose causes are known only what has none is held against its budget.
    assert found["rules"][0]["per_30d"] == 1


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    truth = planted(
        drop("found", "home", "2025-03-22", "2025-03-25"),
        drop("missed", "pdp", "2025-03-20", "2025-03-21"),
    )
    run("--truth", truth)
    text = capsys.readouterr().out
    assert "Recall 50.0%: 1 of 2 incidents that rules watch (ctr_drop 1 of 2)." in text
    assert "MISSED missed: It fell." in text
    assert "FALSE ctr {surface=home} fired 2025-04-02 to 2025-04-02" in text
    assert "False episodes: 1, which is 4.06 per series and year." in text
    assert "Delay: 2.0 d in the middle, 2.0 d at most." in text


def test_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    truth = planted(drop("found", "home", "2025-03-22", "2025-03-25"))
    run("--truth", truth, "--svg", "picture.svg")
    texts = {one.text for one in ET.parse("picture.svg").getroot().iter() if one.text}
    assert {"ctr", "[ctr_drop]", "episode without a cause"} <= texts
    assert any("6 messages in 30 days, recall 100%, 1 false" in one for one in texts)
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "2025-03-08"), "the range is empty"),
        (("--rule", "nobody"), "no rule 'nobody'"),
        (("--rule", "missing.yml"), "missing.yml"),
        (("--truth", "missing.json"), "--truth missing.json: No such file"),
        (("--truth", "rules.yml"), "--truth rules.yml: not a truth.json"),
        (("--svg", "nowhere/picture.svg"), "nowhere/picture.svg: cannot be written"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backtest", *RANGE, "--rules", "rules.yml", *arguments])
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in told
    assert "Traceback" not in told
