"""`recwatch demo` as it is typed, on the real project, away from its root."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from alerts.cli import main
from alerts.demo import run as running
from alerts.demo.compare import Comparison, Finding
from alerts.runner import Evaluation
from tests.alerts.demo.samples import episode, incident, rules
from tests.project.harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

ON_CTR = {"ctr-floor", "ctr-anomaly", "ctr-week-over-week"}
RULES_THAT_COVER = {
    "missing-day": {"missing-day", "missing-surface"},
    "pdp-ctr-drop": ON_CTR,
    "cart-ctr-drift": ON_CTR,
    "visit-history-dwell-drop": {"dwell-floor", "dwell-anomaly"},
    "recently-viewed-ctr-drop": ON_CTR,
    "home-collaborative-outage": {"collaborative-zero-streak"},
    "pdp-cold-start-rise": {"cold-start-exposure"},
    "home-reason-outage": {"reason-coverage"},
    "cart-overlap-spike": {"overlap-spike"},
    "cart-stock-outage": {"out-of-stock"},
    "home-personalization-drop": {"personalization-drop"},
    "pdp-personalization-decline": {"personalization-below-baseline"},
    "landing_redirect_v1": {"experiment-srm"},
    "feed_cards_v1": {"experiment-srm"},
    "deep_ranker_v1": {"experiment-guardrail"},
    "history_layout_v1": {"experiment-mixed-users"},
}
# What is wrong with these is for no alert to find.
UNCOVERED = {"broken-rows", "late-rows", "cart_upsell_v2", "feed_order_v1"}
# When the rules on responses fire: the day or bucket that makes the breach long enough. One of
# the eight buckets of the first may hold too little to be judged.
FIRED = {
    "home-collaborative-outage": ("2025-06-12", "2025-06-12"),
    "pdp-cold-start-rise": ("2025-06-15", "2025-06-15"),
    "home-reason-outage": ("2025-06-17T17:55:00Z", "2025-06-17T18:00:00Z"),
    "cart-overlap-spike": ("2025-06-20", "2025-06-20"),
    "cart-stock-outage": ("2025-06-22", "2025-06-22"),
    "home-personalization-drop": ("2025-06-24T19:25:00Z", "2025-06-24T19:30:00Z"),
    "pdp-personalization-decline": ("2025-06-25", "2025-06-25"),
}


@dataclass
class Demo:
    """A demo in a directory of its own."""

    directory: Path

    @property
    def environment(self) -> Mapping[str, str]:
        foreign = ("DBT_", "RECWATCH_", "SLACK_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        return kept | {
            "RECWATCH_DUCKDB_PATH": str(self.directory / "recwatch.duckdb"),
            "DBT_TARGET_PATH": str(self.directory / "target"),
            "DBT_LOG_PATH": str(self.directory / "logs"),
            # The demo speaks to nobody, whatever is set.
            "SLACK_BOT_TOKEN": "xoxb-never",
            "RECWATCH_SLACK_BASE_URL": "http://127.0.0.1:9/",
        }

    @property
    def report(self) -> Path:
        return self.directory / "report.html"

    def arguments(self, *more: str) -> list[str]:
        places = ["--project-dir", str(ROOT), "--profiles-dir", str(self.directory)]
        places += ["--directory", str(self.directory / "shop"), "--report", str(self.report)]
        return ["demo", *places, *more]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).parent / "recwatch")
        return subprocess.run(
            [program, *self.arguments(*arguments)],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def ended(demo: Demo) -> subprocess.CompletedProcess[str]:
    """The demo with all its defaults, once for this file."""
    return demo.run("--json")


@pytest.fixture(scope="module")
def document(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


@pytest.mark.slow
def test_every_covered_incident_is_found(document: dict[str, Any]) -> None:
    covered = {one["id"]: set(one["rules"]) for one in document["incidents"] if one["rules"]}
    statuses = {one["id"]: one["status"] for one in document["incidents"]}

    assert covered == RULES_THAT_COVER
    assert {statuses[name] for name in covered} == {"found"}
    assert {statuses[name] for name in statuses.keys() - covered.keys()} == {"shown"}
    assert statuses.keys() - covered.keys() == UNCOVERED


@pytest.mark.slow
@pytest.mark.parametrize("name", FIRED)
def test_an_incident_in_the_responses_is_found_at_once(document: dict[str, Any], name: str) -> None:
    [fired] = [one["fired"] for one in document["episodes"] if name in one["causes"]]
    earliest, latest = FIRED[name]

    assert earliest <= fired <= latest


@pytest.mark.slow
def test_nothing_else_fires(document: dict[str, Any]) -> None:
    assert document["ok"] is True
    assert document["false_alarms"] == 0
    assert document["differences"] == []
    assert all(one["causes"] for one in document["episodes"])
    firing = [(one["rule"], one["labels"]) for one in document["firing"]]
    experiments = [(rule, labels["experiment_key"]) for rule, labels in firing[3:]]
    assert [labels for _, labels in firing[:3]] == [{"surface": "recently_viewed"}] * 3
    assert experiments == [
        ("experiment-srm", "feed_cards_v1"),
        ("experiment-srm", "landing_redirect_v1"),
        ("experiment-guardrail", "deep_ranker_v1"),
        ("experiment-mixed-users", "history_layout_v1"),
    ]


@pytest.mark.slow
def test_late_rows_are_built_a_night_later(document: dict[str, Any]) -> None:
    assert document["rebuilt_days"] == 5
    assert list(document["seconds"]) == [
        "simulate",
        "load",
        "dbt build",
        "load late rows",
        "dbt build again",
        "check",
        "report",
    ]


@pytest.mark.slow
def test_the_report_stands_alone(demo: Demo, document: dict[str, Any]) -> None:
    page = demo.report.read_text(encoding="utf-8")

    assert document["report"] == str(demo.report)
    assert not re.search(r"https?:|//|@import|<script|<link|<img|\bsrc=", page)
    # Six surfaces with two panels each and three drawings over all; the three places of the shop
    # with two, and one of a day by five minutes each.
    assert page.count("<svg") == 6 * 2 + 3 + 3 * 3
    assert "Personalized share of shop/home by five minutes on 2025-06-24" in page
    for one in document["incidents"]:
        assert one["id"] in page
    assert page.count("firing</span>") == len(document["firing"])


@pytest.mark.slow
def test_only_the_truth_is_left_of_the_files(demo: Demo, document: dict[str, Any]) -> None:
    kept = {path.name for path in Path(document["directory"]).iterdir()}

    assert kept == {".recwatch-simulation", "truth.json"}
    assert (demo.directory / "profiles.yml").exists()


@pytest.mark.slow
def test_the_root_of_the_project_is_not_touched(document: dict[str, Any]) -> None:
    for path in (document["database"], document["report"], document["directory"]):
        assert not Path(path).is_relative_to(ROOT)


@pytest.mark.slow
def test_progress_stays_off_the_document(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.stdout.startswith("{")
    assert "profiles.yml: copied from profiles.yml.example" in ended.stderr
    assert re.search(r"dbt build again +\d+\.\d s   incremental: late rows in 5 of", ended.stderr)
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_too_few_users_over_an_earlier_demo(
    demo: Demo,
    document: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in demo.environment.items():
        monkeypatch.setenv(name, value)
    # In this process: the same code as typed, seen by the coverage report.
    again = partial(main, demo.arguments("--users", "200", "--days", "12", "--keep-files"))

    with pytest.raises(SystemExit) as ending:
        again()

    said = capsys.readouterr().out
    assert document["ok"]
    assert ending.value.code == 1
    assert "missing-day" in said
    assert "MISSED pdp-personalization-decline, recently-viewed-ctr-drop" in said
    assert re.search(r"MISSED: ctr-floor: impressions\s+\d+ below 500", said)
    assert "load late rows" not in said
    assert "copied" not in said
    assert "every count as planted" in said
    assert re.search(r"The report, \d+ s after the start: \S+report\.html", said)
    assert re.search(r"Try next:\n  \S*recwatch check\n", said)
    assert (demo.directory / "shop" / "sessions" / "part-0001.jsonl").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"false_alarms": (episode(surface="home"),)}, "FALSE ALARM ctr-floor {surface=home}"),
        (
            {"findings": (Finding(incident(), rules().rules[:1], (), "too few", ok=False),)},
            "MISSED pdp-drop",
        ),
    ],
    ids=["a false alarm", "a missed incident"],
)
def test_what_is_not_as_planted_is_exit_code_1(
    changed: dict[str, Any],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    comparison = Comparison(**({"findings": (), "false_alarms": (), "differences": ()} | changed))
    evaluation = Evaluation(None, (), ())
    outcome = running.Outcome(comparison, evaluation, (), None, {"check": 0.1})
    monkeypatch.setattr(running, "run", lambda *_, **__: outcome)
    places = ["--project-dir", str(ROOT), "--profiles-dir", str(tmp_path)]
    end = partial(main, ["demo", *places])

    with pytest.raises(SystemExit) as ending:
        end()

    assert ending.value.code == 1
    assert said in capsys.readouterr().out


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    with duckdb.connect(str(tmp_path / "recwatch.duckdb")) as connection:
        connection.execute("create table mine as select 1 as one")
    refused = demo.run()

    assert refused.returncode == 2
    assert "recwatch.duckdb was not made by the demo" in refused.stderr
    assert not demo.report.exists()
    assert not (tmp_path / "shop").exists()


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["demo", "--help"])

    said = capsys.readouterr().out
    assert ending.value.code == 0
    assert all(f"--{name} " in said for name in ("users", "days", "seed", "keep-files", "json"))
