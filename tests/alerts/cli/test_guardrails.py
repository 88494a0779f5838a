"""`--guardrails` of the commands that judge rules of kind guardrail, or say what they judge by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.experiments.guardrail_file import DEFAULT_FILE
from tests.alerts.cli.conftest import Ran
from tests.alerts.handmade import project
from tests.alerts.runner.trials import Trials, guarded

RULES = "{version: 1, rules: [{name: harm, kind: guardrail}]}"
# A share that is twice as high is beyond the first margin, and not beyond the second.
STRICT = "experiment_defaults: {guardrails: [%s]}"
ENTRY = '{name: slow_response_rate, direction: lower_is_better, threshold: "%s"}'
FAULTY = "experiment_defaults:\n  min_duration_days: 14\n  guardrail: []\n"
TOLD = "faulty.yaml:3: unknown field 'guardrail'"
COMMANDS = (
    ("check",),
    ("check", "--dry-run"),
    ("backtest", "--from", "2025-03-03", "--to", "2025-03-10"),
    ("rules", "check"),
)


@pytest.fixture(autouse=True)
def trials(surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trials:
    """An experiment whose treatment has twice the slow responses, and no margin of its own."""
    monkeypatch.setenv("RECWATCH_RULES", "rules.yml")
    Path("rules.yml").write_text(RULES)
    Path("strict.yaml").write_text(STRICT % (ENTRY % "+10%"))
    Path("lenient.yaml").write_text(STRICT % (ENTRY % "+300%"))
    Path("faulty.yaml").write_text(FAULTY)
    made = Trials(tmp_path / "marts.duckdb")
    project(tmp_path, made.path)
    guarded(made, 8, 0.04)
    made.execute("update experiments.experiment_plan_metrics set threshold = null")
    return made


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capfd)


def test_check_judges_by_the_margins_of_the_file(run: Ran) -> None:
    arguments = ("check", "--dry-run", "--json", "--guardrails")
    found = {
        name: [one["state"] for one in json.loads(run(*arguments, f"{name}.yaml")[1])["results"]]
        for name in ("strict", "lenient")
    }
    assert found == {"strict": ["firing"], "lenient": ["ok"]}


def test_the_variable_names_it_too(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECWATCH_GUARDRAILS", "lenient.yaml")
    (result,) = json.loads(run("check", "--dry-run", "--json")[1])["results"]
    assert (result["rule"], result["state"]) == ("harm", "ok")
    assert "beyond the margin of +300.0 %" in result["reason"]


def test_the_command_in_the_message_judges_by_the_same_file(run: Ran) -> None:
    _, out, _ = run("check", "--dry-run", "--guardrails", "strict.yaml")
    (command,) = (line for line in out.splitlines() if line.strip().startswith("$ recwatch"))
    assert "--guardrails strict.yaml" in command
    _, again, _ = run(*command.split()[2:])
    assert command in again


def test_backtest_judges_by_the_margins_of_the_file(run: Ran) -> None:
    arguments = (*COMMANDS[2], "--json", "--guardrails")
    found = {
        name: json.loads(run(*arguments, f"{name}.yaml")[1])["rules"][0]["episodes"]
        for name in ("strict", "lenient")
    }
    assert (len(found["strict"]), found["lenient"]) == (1, [])


def test_rules_check_says_by_which_file(run: Ran) -> None:
    assert "Guardrails: strict.yaml: sound." in run(*COMMANDS[3], "--guardrails", "strict.yaml")[1]
    named = json.loads(run(*COMMANDS[3], "--json")[1])["guardrails"]
    assert Path(named).samefile(DEFAULT_FILE)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_faulty_file_is_told_with_its_line_before_anything_is_done(
    run: Ran, command: tuple[str, ...]
) -> None:
    before = sorted(Path().iterdir())
    code, out, err = run(*command, "--guardrails", "faulty.yaml")
    assert (code, out) == (2, "")
    assert TOLD in err
    assert sorted(Path().iterdir()) == before
    code, _, err = run(*command, "--guardrails", "none.yaml")
    assert code == 2
    assert "none.yaml" in err


def test_the_doctor_says_which_file_is_used_and_what_is_wrong_with_it(run: Ran) -> None:
    def said(*arguments: str) -> tuple[int, dict[str, str]]:
        code, out, _ = run("doctor", "--json", *arguments)
        findings = json.loads(out)["findings"]
        return code, next(one for one in findings if one["about"] == "guardrails")

    _, found = said("--guardrails", "strict.yaml")
    assert (found["health"], found["found"]) == (
        "ok",
        "strict.yaml: 1 for every experiment, 0 experiments with entries of their own",
    )
    assert str(DEFAULT_FILE) in said()[1]["found"]
    code, found = said("--guardrails", "faulty.yaml")
    assert (code, found["health"]) == (2, "fail")
    assert TOLD in found["found"]
