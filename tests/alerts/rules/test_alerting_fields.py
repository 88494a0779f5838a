"""What rule files say of states, receivers, routes, inhibition and playbooks; three more kinds."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from alerts.errors import ConfigurationError
from alerts.rules import DEFAULT_RULES, Freshness, Quarantine, ZScore, load_rules
from alerts.rules.expressions import Condition
from alerts.rules.manifest import missing, read_manifest
from alerts.rules.marts import MARTS
from alerts.rules.model import ReceiverConfig

if TYPE_CHECKING:
    from alerts.rules import RuleSet

RULE: dict[str, Any] = {
    "name": "r",
    "mart": "analytics.engagement_daily",
    "metric": "ctr",
    "by": ["surface"],
    "when": "< 0.04",
}
OTHER = {**RULE, "name": "other"}
LOADS = {
    "name": "loads",
    "kind": "freshness",
    "mart": "analytics.data_quality_daily",
    "by": ["source_table"],
    "when": "> 26h",
}


def load(tmp_path: Path, *rules: dict[str, Any], **parts: Any) -> RuleSet:
    file = tmp_path / "rules.yml"
    # A line for each entry, so that errors name it.
    lines = ["version: 1"]
    for name, entries in {**parts, "rules": rules}.items():
        lines += [f"{name}:", *(f"  - {json.dumps(entry)}" for entry in entries)]
    file.write_text("\n".join(lines) + "\n")
    return load_rules([file])


def test_every_field_of_a_rule_is_read(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        OTHER,
        {
            **RULE,
            "keep_firing_for": "2d",
            "no_data_after": 5,
            "repeat_interval": "12h",
            "confidence": 0.95,
            "design_effect": "auto",
            "max_false_per_30d": 0.5,
            "playbook": "Look.",
            "playbook_when": {"other": "firing"},
            "playbook_otherwise": "Wait.",
            "inhibited_by": [{"rule": "other", "on": ["surface"]}, {"rule": "other"}],
            "receiver": ["team", "console"],
        },
        receivers=[{"name": "team", "type": "console"}],
        routes=[
            {"severity": "page", "match": {"surface": "home"}, "receiver": "team"},
            {"receiver": ["team", "console"]},
        ],
    )
    rule = rules.rules[1]
    assert rule.keep_firing_for == timedelta(days=2)
    assert rule.repeat_interval == timedelta(hours=12)
    assert (rule.no_data_after, rule.max_false_per_30d) == (5, 0.5)
    assert (rule.receivers, rule.receiver) == (("team", "console"), "team")
    assert rule.playbook_when == {"other": "firing"}
    assert [(one.rule, one.on) for one in rule.inhibited_by] == [
        ("other", ("surface",)),
        ("other", ()),
    ]
    assert [route.receivers for route in rules.routes] == [("team",), ("team", "console")]
    assert rules.only(["r"]).routes == rules.routes


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, RULE).rules
    assert (rule.receivers, rule.receiver, rule.no_data_after) == ((), "console", 3)
    assert (rule.keep_firing_for, rule.repeat_interval, rule.max_false_per_30d) == (None, None, 1.0)


def test_z_scores_freshness_and_quarantine(tmp_path: Path) -> None:
    zscore, loads, refused = load(
        tmp_path,
        {**{k: RULE[k] for k in ("name", "mart", "metric", "by")}, "kind": "zscore"},
        {**LOADS, "sources": ["sessions"]},
        {"name": "q", "kind": "quarantine", "when": "> 0.01"},
    ).rules
    assert isinstance(zscore, ZScore)
    assert (zscore.when, zscore.hold) == (Condition(">", 2.0), timedelta(days=2))
    assert isinstance(loads, Freshness)
    assert (loads.when.bound, str(loads.when), loads.metric) == (26 * 3600, "> 26h", "age")
    assert isinstance(refused, Quarantine)
    assert (refused.metric, refused.by) == ("refused_share", ("source_table",))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"receiver": "nobody"}, "no receiver 'nobody': known: console"),
        ({"receiver": ["console", "consol"]}, "did you mean 'console'?"),
        ({"receiver": 3}, "'receiver': takes a name or a list of names"),
        ({"playbook_when": {"othr": "normal"}}, "no rule 'othr': did you mean 'other'?"),
        ({"playbook_when": {"other": "fine"}}, "'other': input should be 'normal', 'pending'"),
        ({"playbook_when": {"r": "normal"}}, "does not depend on its own rule"),
        ({"inhibited_by": [{"rule": "x"}]}, "no rule 'x': known: other, r"),
        ({"inhibited_by": [{"rule": "r"}]}, "a rule cannot inhibit itself"),
        ({"inhibited_by": [{"rule": "other", "on": ["country"]}]}, "rule 'r' has no label 'coun"),
        ({"inhibited_by": [{"rule": "other", "at": 1}]}, "unknown field 'at': known: on, rule"),
        ({"no_data_after": 0}, "'no_data_after': input should be greater than or equal to 1"),
        ({"no_data_after": "3"}, "'no_data_after': input should be a valid integer"),
        ({"keep_firing_for": "36h"}, "36h is not a multiple of 1d"),
        ({"repeat_interval": "24 h"}, "'24 h' is not a duration"),
        ({"max_false_per_30d": -1}, "'max_false_per_30d': input should be greater than or equal"),
        ({"confidence": 95}, "'confidence': input should be less than 1"),
        ({"design_effect": 2}, "it says how sure a share is: add confidence: 0.95"),
        ({"confidence": 0.9, "design_effect": 0.5}, "takes auto, or a number that is 1 or more"),
        ({"confidence": 0.9, "design_effect": True}, "takes auto, or a number that is 1 or more"),
        ({"metric": "avg_dwell_ms", "confidence": 0.9}, "'avg_dwell_ms' is no share of events"),
        ({"when": "< 26h"}, "< 26h is a length of time, which rules of kind freshness judge"),
        ({"metric": "age"}, "'age' is a length of time: write kind: freshness"),
        ({"action": "pause"}, "unknown field 'action'"),
        ({"by": ["sur\"face'; drop table x"]}, "does not match ^[a-z_]"),
        ({"name": "a'b\"c"}, "does not match ^[A-Za-z0-9]"),
    ],
)
def test_errors_say_what_to_do(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, OTHER, {**RULE, **fields})
    assert f"{tmp_path / 'rules.yml'}:4: " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "zscore", "mart": "analytics.engagement_hourly"}, "a bucket of analytics.engag"),
        ({"kind": "zscore", "when": "< -2"}, 'on either side: write "> 2"'),
        ({"kind": "zscore", "baseline": "12h"}, "12h is not a number of days"),
        ({"kind": "zscore", "baseline": "1d"}, "a standard deviation takes two days"),
        ({"kind": "zscore", "baseline": "7d", "min_baseline": 8}, "of 7d has only 7 days"),
        ({"kind": "zscore", "metric": "avg_dwell_ms", "design_effect": 2}, "is no share of events"),
        ({"kind": "quarantine", "when": "> 0.1"}, "is judged by kind: quarantine"),
        ({"kind": "freshness", "when": "> 1d"}, "a freshness rule has no metric: leave it out"),
        ({"kind": "freshness", "metric": "age", "when": "> 3"}, 'newest may be: write "> 26h"'),
        ({"kind": "freshness", "metric": "age", "when": "< 3d"}, 'newest may be: write "> 26h"'),
        (
            {"kind": "freshness", "metric": "age", "when": "> 1d", "sources": ["sessions"]},
            "are judged, not loads: leave it out",
        ),
        ({**LOADS, "metric": "age", "sources": ["session"]}, "no raw table 'session': did you mea"),
        ({**LOADS, "metric": "age", "by": []}, "write by: [source_table]"),
        ({**LOADS, "metric": "age", "keep_firing_for": "1d"}, "a load ends it: leave it out"),
        ({**LOADS, "metric": "refused_share", "kind": "threshold", "when": "> 1"}, "quarantine"),
    ],
)
def test_what_the_kinds_refuse(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, {**RULE, **fields, "name": "r"})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("receivers", "line", "message"),
    [
        ([("a", "b"), ("b", "c"), ("c", "a")], 3, "the fallbacks go round: a → b → c → a"),
        ([("a", "a")], 3, "the fallbacks go round: a → a"),
        ([("a", "x")], 3, "no receiver 'x': known: a, console"),
    ],
)
def test_fallbacks_end_somewhere(
    tmp_path: Path, receivers: list[tuple[str, str]], line: int, message: str
) -> None:
    listed = [{"name": name, "type": "console", "fallback": to} for name, to in receivers]
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, RULE, receivers=listed)
    assert f"rules.yml:{line}: receiver 'a': {message}" in str(caught.value)


def test_a_fallback_that_ends_at_the_console(tmp_path: Path) -> None:
    chain = [
        {"name": "a", "type": "pagerduty", "fallback": "b"},
        {"name": "b", "type": "slack", "webhook_env": "HOOK", "fallback": "console"},
    ]
    rules = load(tmp_path, RULE, receivers=chain)
    assert [rules.receivers[name].fallback for name in "ab"] == ["b", "console"]


def test_routes_name_receivers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r":4: route 2: no receiver 'x': known: console"):
        load(tmp_path, RULE, routes=[{"receiver": "console"}, {"receiver": "x"}])
    with pytest.raises(ConfigurationError, match="unknown field 'labels'"):
        load(tmp_path, RULE, routes=[{"receiver": "console", "labels": {}}])


@pytest.mark.parametrize(
    "receiver",
    [
        {"name": "n", "type": "pagerduty", "routing_key_env": "KEY"},
        {"name": "n", "type": "pushgateway"},
        {"name": "n", "type": "file", "path": "alerts.jsonl"},
        {"name": "n", "type": "webhook", "url_env": "URL"},
    ],
)
def test_receivers_are_read(receiver: dict[str, str]) -> None:
    config: Any = TypeAdapter(ReceiverConfig).validate_python(receiver)
    written = config.model_dump()
    assert {name: written[name] for name in receiver} == receiver


def test_a_pause_is_asked_for_and_dry_unless_said(tmp_path: Path) -> None:
    quiet = {"name": "s", "kind": "srm"}
    armed = {"name": "g", "kind": "guardrail", "action": "pause", "dry_run": False}
    found: list[Any] = list(load(tmp_path, quiet, {**armed, "webhook_env": "FLAGS"}).rules)
    assert [(one.action, one.dry_run, one.webhook_env) for one in found] == [
        (None, True, None),
        ("pause", False, "FLAGS"),
    ]
    with pytest.raises(ConfigurationError, match="'dry_run'"):
        load(tmp_path, {**armed, "dry_run": "no"})


@pytest.mark.parametrize("text", ["< 0.04", "< surfaces.min_ctr", "> 26h", ">= 2", "> 1w"])
def test_a_condition_is_written_as_it_is_read(text: str) -> None:
    assert Condition.parse(str(Condition.parse(text))) == Condition.parse(text)


def test_what_marts_are_made_of_is_what_the_project_says() -> None:
    """By the raw tables that dbt's own graph leads back to, where there is a manifest."""
    path = Path(__file__).parents[3] / "target" / "manifest.json"
    if not path.exists():
        pytest.skip("there is no target/manifest.json: run `dbt parse`")
    content = json.loads(path.read_text())
    nodes = {f"{n['schema']}.{n['name']}": key for key, n in content["nodes"].items()}
    compared = 0
    for name, mart in MARTS.items():
        if name in nodes and mart.sources:
            found: set[str] = set()
            _ascend(nodes[name], content["parent_map"], found)
            named = {key.split(".")[-1] for key in found if key.startswith("source.")}
            assert set(mart.sources) == named, name
            compared += 1
    assert compared


def _ascend(key: str, parents: dict[str, list[str]], found: set[str]) -> None:
    for parent in set(parents.get(key, ())) - found:
        found.add(parent)
        _ascend(parent, parents, found)


def manifest(tmp_path: Path, columns: dict[str, list[str]]) -> Path:
    nodes = {
        name: {
            "resource_type": "model",
            "schema": name.split(".")[0],
            "name": name.split(".")[1],
            "columns": {column: {} for column in listed},
        }
        for name, listed in columns.items()
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"nodes": nodes}))
    return path


def test_marts_and_columns_are_held_against_the_manifest(tmp_path: Path) -> None:
    rules = load(tmp_path, RULE, {**OTHER, "metric": "avg_dwell_ms"}, LOADS).rules
    whole = ["day", "surface", "clicks", "impressions", "dwell_ms_sum", "dwell_events"]
    relations = {
        "analytics.engagement_daily": whole,
        "analytics.data_quality_daily": ["day", "source_table", "reason", "loaded_through"],
    }
    found = read_manifest(manifest(tmp_path, relations))
    assert found is not None
    assert list(missing(rules, found)) == []
    relations["analytics.engagement_daily"].remove("clicks")
    del relations["analytics.data_quality_daily"]
    found = read_manifest(manifest(tmp_path, relations))
    assert found is not None
    assert list(missing(rules, found)) == [
        "rule 'r': analytics.engagement_daily has no column clicks in the dbt project",
        "rule 'loads': the dbt project has no analytics.data_quality_daily",
    ]
    assert read_manifest(tmp_path / "none.json") is None
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="run `dbt parse` again"):
        read_manifest(tmp_path / "manifest.json")


def test_a_prefix_is_taken_off_the_schemas_of_the_manifest(tmp_path: Path) -> None:
    found = read_manifest(manifest(tmp_path, {"ann_analytics.x": ["a"]}), "ann_")
    assert found == {"analytics.x": frozenset({"a"})}


def test_the_shipped_rules_say_what_holds_them_back() -> None:
    by_name = {rule.name: rule for rule in load_rules([DEFAULT_RULES]).rules}
    assert by_name["personalization-drop"].receivers == ("recsys-rotation",)
    assert by_name["overlap-spike"].receivers == ("ranking",)
    for name, rule in by_name.items():
        held = {one.rule for one in rule.inhibited_by}
        alone = name in {"source-freshness", "quarantine-rate"}
        assert ("source-freshness" in held) is not alone, name
    for name in ("experiment-guardrail", "experiment-ctr-delta"):
        held_on = {one.rule: one.on for one in by_name[name].inhibited_by}
        assert held_on["experiment-srm"] == ("experiment_key",)
