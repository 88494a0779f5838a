"""`recwatch readout` as it is typed: what it prints, its keys, its exit codes, its speed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from alerts.cli import main
from alerts.experiments.results import Refusal
from alerts.readout.document import plain
from tests.alerts.experiments.made import Arm, Made, metric
from tests.alerts.handmade import project

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "experiment",
    "day",
    "is_day_over",
    "alpha",
    "plan",
    "arms",
    "weight_period",
    "recommendation",
    "problems",
    "srm",
    "health",
    "schedule",
    "power",
    "metrics",
    "guardrails",
    "cuts",
}
METRIC_KEYS = {
    "metric",
    "role",
    "kind",
    "direction",
    "scale",
    "arm",
    "control",
    "treatment",
    "unadjusted",
    "cuped",
    "deciding",
    "holm_p_value",
    "is_valid_now",
    "on_decision_day",
    "on_decision_day_holm_p_value",
    "anytime",
    "impression_level",
    "by_weight_period",
    "post_stratified",
}
ESTIMATE_KEYS = {
    "method",
    "control",
    "treatment",
    "difference",
    "std_error",
    "statistic",
    "degrees_of_freedom",
    "p_value",
    "interval",
    "lift",
    "alpha",
    "users",
}
GUARDRAIL_KEYS = {
    "guardrail",
    "metric",
    "arm",
    "origin",
    "note",
    "direction",
    "margin",
    "control",
    "treatment",
    "outcome",
    "reason",
    "judgement",
    "pause",
}


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory and none of the variables that this machine may have set."""
    monkeypatch.chdir(tmp_path)
    for name in ("TARGET", "PROFILES_DIR", "PROJECT_DIR", "PROFILE", "SCHEMA_PREFIX"):
        monkeypatch.delenv(f"DBT_{name}", raising=False)
    for name in ("RECWATCH_GUARDRAILS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def marts(tmp_path: Path) -> Path:
    """One experiment that may be shipped, one that has ended badly, and a draft."""
    path = tmp_path / "marts.duckdb"
    project(tmp_path, path)
    good = {"control": Arm(), "treatment": Arm(rates={"ctr": 0.13})}
    Made(good, key="good").write(path, [7, 13, 19])
    Made({"control": Arm(), "treatment": Arm(1500)}, key="lossy").write(path)
    draft = {"started_at": None, "first_day": None, "status": "draft", "arms": 0, "control": None}
    Made(key="draft", plan=draft).write(path)
    return path


class Ran:
    """One call of the program."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        self.code = left.value.code
        self.out, self.err = capsys.readouterr()

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out, parse_constant=refuse)
        return document


def refuse(word: str) -> None:
    raise AssertionError(f"{word} in the output")


@pytest.mark.usefixtures("marts")
def test_what_a_product_manager_reads(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "readout", "good")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("good: Made [by hand]\nowner tests, running")
    assert "Split of assigned users: fits" in ran.out
    assert "Success is decided on day 14, 2025-03-16, once." in ran.out
    assert "impression-level z: p" in ran.out
    assert "decides nothing" in ran.out
    assert "p95_latency_ms: not judged" in ran.out
    assert "device ios" in ran.out
    assert "nan" not in ran.out.lower().split()
    closing = ran.out.split("Recommendation: ")[1]
    assert closing.startswith("ship treatment\n  ctr in treatment +")


@pytest.mark.usefixtures("marts")
def test_before_its_day_intervals_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "readout", "good", "--as-of", "2025-03-10")
    assert "fixed intervals are not valid before day 14" in ran.out
    assert "outcomes are not valid before day 14" in ran.out
    assert "Recommendation: keep running until 2025-03-16\n" in ran.out
    early = Ran(capsys, "readout", "good", "--as-of", "2025-03-10", "--json").document
    assert [one["is_valid_now"] for one in early["metrics"]] == [False, False, False]
    assert early["metrics"][0]["on_decision_day"] is None
    assert early["recommendation"]["until"] == "2025-03-16"


@pytest.mark.usefixtures("marts")
def test_the_keys_are_stable(capsys: pytest.CaptureFixture[str]) -> None:
    document = Ran(capsys, "readout", "good", "--json").document
    assert set(document) == KEYS
    assert set(document["recommendation"]) == {"text", "action", "arm", "reasons", "until", "arms"}
    assert document["recommendation"]["text"] == "ship treatment"
    assert {frozenset(one) for one in document["metrics"]} == {frozenset(METRIC_KEYS)}
    assert {frozenset(one) for one in document["guardrails"]} == {frozenset(GUARDRAIL_KEYS)}
    ctr = document["metrics"][0]
    for name in ("unadjusted", "deciding", "on_decision_day", "impression_level"):
        assert set(ctr[name]) == ESTIMATE_KEYS
    assert set(ctr["cuped"]) == {"adjusted", "theta", "correlation", "variance_cut"}
    assert len(ctr["deciding"]["interval"]) == 2
    assert set(document["srm"]) == {"assigned", "exposed", "users"}
    assert set(document["power"][0]) == {
        "metric",
        "arm",
        "users",
        "target_lift",
        "power",
        "users_needed",
        "detectable_lift",
        "design_effect",
        "events_needed",
    }
    assert set(document["cuts"][0]) == {
        "metric",
        "arm",
        "segment_type",
        "segment",
        "control",
        "treatment",
        "estimate",
        "adjusted_p",
        "note",
    }
    empty = Ran(capsys, "readout", "draft", "--json").document
    assert set(empty) == KEYS
    assert (empty["day"], empty["metrics"], empty["schedule"]) == (None, [], None)


@pytest.mark.usefixtures("marts")
def test_an_invalid_one_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "readout", "lossy")
    assert ran.code == 0
    assert "Split of assigned users: MISMATCH" in ran.out
    assert "Recommendation: invalid: sample ratio mismatch of assigned users: 2,000" in ran.out
    assert "What to do: Stop reading the metrics." in ran.out
    assert "ship" not in ran.out
    draft = Ran(capsys, "readout", "draft")
    assert "invalid: not started: its status is draft" in draft.out


@pytest.mark.usefixtures("marts")
def test_options_reach_the_figures(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("experiment_defaults: {variance_reduction: none, min_duration_days: 14}")
    flags = ("--json", "--alpha", "0.1", "--lift", "0.1", "--guardrails", str(file))
    document = Ran(capsys, "readout", "good", *flags).document
    ctr = document["metrics"][0]
    assert ctr["cuped"] is None
    assert ctr["deciding"] == ctr["unadjusted"]
    assert ctr["deciding"]["alpha"] == document["alpha"] == 0.1
    assert document["power"][0]["target_lift"] == 0.1
    assert [one["guardrail"] for one in document["guardrails"]] == ["bounce_rate"]


@pytest.mark.usefixtures("marts")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nope",), 2, "no experiment 'nope' in experiments.experiment_plans: there are draft"),
        (("god",), 2, "did you mean 'good'?"),
        (("good", "--as-of", "2024-01-01"), 2, "the marts have good from 2025-03-03 to 2025-03-22"),
        (("good", "--as-of", "soon"), 2, "write 2025-03-10"),
        (("good", "--alpha", "1.5"), 2, "must be between 0 and 1"),
        (("good", "--alpha", "nan"), 2, "must be between 0 and 1"),
        (("good", "--lift", "0"), 2, "must be between 0 and 100"),
        (("good", "--guardrails", "none.yaml"), 2, "none.yaml: cannot be read"),
        (("good", "--target", "x"), 2, "x"),
        ((), 2, "Missing argument"),
    ],
)
def test_mistakes(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = Ran(capsys, "readout", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_number_that_is_none_is_null() -> None:
    assert plain((math.nan, math.inf, 0.5, Refusal("one day"))) == [
        None,
        None,
        0.5,
        {"reason": "one day"},
    ]
    with pytest.raises(TypeError, match="no JSON for object"):
        plain(object())


@pytest.mark.usefixtures("marts")
def test_a_picture_of_the_lifts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "lifts.svg"
    assert Ran(capsys, "readout", "good", "--svg", str(file)).code == 0
    drawn = file.read_text()
    assert drawn.startswith("<svg")
    for text in ("good: ship treatment", "ctr", "revenue_per_user", "bounce_rate"):
        assert text in drawn
    assert "NaN" not in drawn
    assert Ran(capsys, "readout", "draft", "--svg", str(file)).code == 0
    assert "not started" in file.read_text()
    ran = Ran(capsys, "readout", "good", "--svg", str(tmp_path / "no" / "x.svg"))
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be written" in ran.err


@pytest.mark.usefixtures("marts")
def test_a_page_beside_what_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    ran = Ran(capsys, "readout", "good", "--html", str(file))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == Ran(capsys, "readout", "good").out
    page = file.read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "ship treatment" in page
    assert set(Ran(capsys, "readout", "good", "--html", str(file), "--json").document) == KEYS
    both = Ran(capsys, "readout", "good", "--html", str(file), "--looks", "--json").document
    assert set(both) == KEYS | {"looks"}
    assert Ran(capsys, "readout", "draft", "--html", str(file)).code == 0
    assert "<svg" not in file.read_text(encoding="utf-8")
    ran = Ran(capsys, "readout", "good", "--html", str(tmp_path / "no" / "x.html"))
    assert (ran.code, ran.out) == (2, "")
    assert "x.html: cannot be written: No such file" in ran.err


def test_without_marts_it_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    project(tmp_path, tmp_path / "empty.duckdb")
    ran = Ran(capsys, "readout", "good")
    assert (ran.code, ran.out) == (3, "")
    import duckdb

    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    ran = Ran(capsys, "readout", "good")
    assert ran.code == 3
    assert "experiments.experiment_plans does not exist: run `dbt build`" in ran.err
    assert len(ran.err.splitlines()) <= 2


def test_latency_is_named_as_what_is_judged(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "marts.duckdb"
    project(tmp_path, path)
    metrics = (metric("ctr", "primary"), metric("over_threshold_rate", "guardrail", margin=0.05))
    Made(metrics=metrics, plan={"latency_threshold_ms": 250.0}).write(path)
    ran = Ran(capsys, "readout", "exp")
    assert "p95_latency_ms: judged as the share of responses above 250 ms" in ran.out


@pytest.mark.usefixtures("marts")
def test_it_loads_what_it_needs_and_no_more() -> None:
    """scipy.stats, pandas, altair and dbt would each cost more than the readout itself."""
    program = (
        "import sys\nfrom alerts.cli import main\ntry: main(['readout', 'good', '--json'])\n"
        "except SystemExit: pass\n"
        "loaded = {'scipy.stats', 'pandas', 'altair', 'dbt', 'rich.table'} & set(sys.modules)\n"
        "print(sorted(loaded), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["experiment"] == "good"
