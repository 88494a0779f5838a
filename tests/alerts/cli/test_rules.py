"""`recwatch rules`: check, list, schema, noise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from alerts.cli import cli
from alerts.errors import ConfigurationError, RecwatchError
from alerts.rules import DEFAULT_RULES, load_rules
from alerts.rules.model import KINDS, RECEIVERS
from tests.alerts.handmade import Cell, Marts, project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CTR = {
    "name": "ctr",
    "mart": "analytics.engagement_daily",
    "metric": "ctr",
    "by": ["surface"],
    "when": "< 0.1",
}


@pytest.fixture
def marts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Marts:
    monkeypatch.chdir(tmp_path)
    for name in (
        "DBT_PROFILES_DIR",
        "DBT_TARGET",
        "DBT_TARGET_PATH",
        "RECWATCH_RULES",
        "RECWATCH_GUARDRAILS",
    ):
        monkeypatch.delenv(name, raising=False)
    project(tmp_path, tmp_path / "marts.duckdb")
    return Marts(tmp_path / "marts.duckdb")


@pytest.fixture
def call(marts: Marts) -> Callable[..., tuple[str, str]]:
    """The command in the project's directory: what it printed, and its errors and warnings."""

    def run(*arguments: str) -> tuple[str, str]:
        ran = CliRunner().invoke(cli, ["rules", *arguments])
        if isinstance(ran.exception, RecwatchError):
            raise ran.exception
        assert ran.exit_code == 0, ran.output
        return ran.stdout, ran.stderr

    return run


def write(tmp_path: Path, *rules: dict[str, Any]) -> None:
    (tmp_path / "rules.yml").write_text(json.dumps({"version": 1, "rules": list(rules)}))


def manifest(tmp_path: Path, *columns: str) -> None:
    (tmp_path / "target").mkdir()
    node = {
        "resource_type": "model",
        "schema": "analytics",
        "name": "engagement_daily",
        "columns": {name: {} for name in columns},
    }
    (tmp_path / "target" / "manifest.json").write_text(json.dumps({"nodes": {"n": node}}))


def test_without_a_manifest_half_is_checked_and_it_says_so(
    call: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    out, _ = call("check")
    count = len(load_rules([DEFAULT_RULES]).rules)
    assert out.startswith(f"{count} rules: sound. Marts and columns were not checked")
    assert "Run `dbt parse`" in out
    assert json.loads(call("check", "--json")[0])["manifest"] is None


def test_marts_and_columns_are_checked_against_the_manifest(
    call: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    write(tmp_path, CTR)
    manifest(tmp_path, "day", "surface", "clicks", "impressions")
    assert "every mart and column is in" in call("check", "--rules", "rules.yml")[0]
    write(tmp_path, CTR, {**CTR, "name": "dwell", "metric": "avg_dwell_ms"})
    with pytest.raises(ConfigurationError) as caught:
        call("check", "--rules", "rules.yml")
    first, _, last = str(caught.value).splitlines()
    assert first == (
        "rule 'dwell': analytics.engagement_daily has no column dwell_ms_sum in the dbt project"
    )
    assert "run `dbt parse`" in last


def test_an_error_of_the_file_names_file_and_line(
    call: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "bad.yml").write_text("version: 1\nrules:\n  - name: a\n    whn: 1\n")
    with pytest.raises(ConfigurationError, match=r"bad\.yml:4: unknown field 'whn'"):
        call("check", "--rules", "bad.yml")


def test_list_names_every_rule(call: Callable[..., tuple[str, str]]) -> None:
    rules = load_rules([DEFAULT_RULES]).rules
    document = json.loads(call("list", "--json")[0])
    assert [one["name"] for one in document["rules"]] == [rule.name for rule in rules]
    drop = next(one for one in document["rules"] if one["name"] == "personalization-drop")
    assert (drop["for"], drop["receivers"]) == ("30m", ["recsys-rotation"])
    assert drop["playbook_when"] == {"ctr-floor": "normal"}
    table = call("list")[0]
    assert all(rule.name in table for rule in rules)


def test_the_schema_knows_every_kind_and_receiver(call: Callable[..., tuple[str, str]]) -> None:
    schema = json.loads(call("schema")[0])
    known = {
        definition["properties"][field].get("const", definition["properties"][field].get("default"))
        for definition in schema["$defs"].values()
        for field in ("kind", "type")
        if field in definition.get("properties", {})
    }
    assert known == {*KINDS, *RECEIVERS}
    assert schema["properties"].keys() == {"version", "receivers", "routes", "rules"}
    assert schema["additionalProperties"] is False


def test_noise_warns_of_a_rule_that_would_cry_wolf(
    call: Callable[..., tuple[str, str]], marts: Marts, tmp_path: Path
) -> None:
    # A level of 10 % on 1,000 impressions: every other day is below it.
    marts.daily(*(Cell(n, clicks=100 + 7 * (-1) ** n) for n in range(61)))
    quiet = {**CTR, "name": "quiet", "when": "< 0.03"}
    write(tmp_path, CTR, quiet, {**CTR, "name": "allowed", "max_false_per_30d": 100})
    out, err = call("noise", "--rules", "rules.yml", "--json")
    loud, still, allowed = json.loads(out)["rules"]
    (series,) = [one for one in loud["series"] if one["false_per_30d"] is not None]
    assert series["labels"] == {"surface": "home"}
    assert (series["level"], series["denominator"]) == (pytest.approx(0.1, abs=0.008), 1000)
    assert (loud["is_noisy"], still["is_noisy"], allowed["is_noisy"]) == (True, False, False)
    assert loud["false_per_30d"] == pytest.approx(series["false_per_30d"])
    assert 3 < loud["false_per_30d"] < 10
    assert still["false_per_30d"] < 1e-3
    assert "rule ctr: about" in err
    assert "quiet" not in err
    assert "allowed" not in err
    table = call("noise", "--rules", "rules.yml")[0]
    assert "surface=home" in table


def test_noise_of_what_cannot_be_read_is_a_note(
    call: Callable[..., tuple[str, str]], marts: Marts
) -> None:
    marts.execute("drop table analytics.ctr_weekly")
    found = {one["rule"]: one for one in json.loads(call("noise", "--json")[0])["rules"]}
    assert "does not exist" in found["ctr-week-over-week"]["note"]
    assert found["missing-day"]["note"] == "what is not there is not a matter of chance"
    assert found["ctr-floor"]["note"] == ""


def test_a_level_beyond_the_bound_is_no_noise(
    call: Callable[..., tuple[str, str]], marts: Marts, tmp_path: Path
) -> None:
    marts.daily(*(Cell(n, clicks=50 + 7 * (-1) ** n) for n in range(61)))
    write(tmp_path, CTR)
    (loud,) = json.loads(call("noise", "--rules", "rules.yml", "--json")[0])["rules"]
    (home,) = [one for one in loud["series"] if one["labels"] == {"surface": "home"}]
    assert (home["false_per_30d"], loud["is_noisy"]) == (None, False)
    assert "what fires is no chance" in home["note"]
