"""Rule files: what they may say, and how errors read."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from alerts.errors import ConfigurationError
from alerts.rules import DEFAULT_RULES, Drop, RuleFile, RuleSet, Slack, Streak, load_rules
from alerts.rules.expressions import Condition, format_duration, parse_duration
from alerts.rules.marts import MARTS

RULE = """
  - name: {name}
    mart: analytics.engagement_daily
    metric: ctr
    by: [surface]
    when: "< 0.04"
"""


def write(tmp_path: Path, body: str, name: str = "rules.yml") -> Path:
    file = tmp_path / name
    file.write_text("version: 1\n" + body)
    return file


def load(tmp_path: Path, body: str) -> RuleSet:
    return load_rules([write(tmp_path, body)])


def errors(tmp_path: Path, body: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, body)
    prefix = f"{tmp_path / 'rules.yml'}:"
    lines = str(caught.value).splitlines()
    assert all(line.startswith((prefix, "and ")) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


def test_the_shipped_rules_are_sound() -> None:
    rules = load_rules([DEFAULT_RULES])
    assert [rule.name for rule in rules.rules] == [
        "ctr-floor",
        "dwell-floor",
        "ctr-anomaly",
        "dwell-anomaly",
        "ctr-week-over-week",
        "source-freshness",
        "missing-day",
        "missing-surface",
        "quarantine-rate",
        "personalization-drop",
        "reason-coverage",
        "overlap-spike",
        "personalization-below-baseline",
        "collaborative-zero-streak",
        "cold-start-exposure",
        "out-of-stock",
        "experiment-srm",
        "experiment-guardrail",
        "experiment-ctr-delta",
        "experiment-exposed-without-assignment",
        "experiment-mixed-users",
    ]
    assert all(rule.playbook and rule.description for rule in rules.rules)
    assert all(rule.receiver in rules.receivers for rule in rules.rules)


def test_a_rule_with_every_field(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """
receivers:
  - {name: team, type: slack, channel: "#team", token_env: TEAM_TOKEN}
rules:
  - name: r
    kind: threshold
    description: What it says.
    mart: analytics.engagement_hourly
    metric: avg_dwell_ms
    by: [surface, variation]
    where: {surface: home, variation: no}
    when: ">= 1e3"
    for: 2h
    min_denominator: {column: dwell_events, value: 50}
    severity: page
    receiver: team
    playbook: |
      Look.
""",
    )
    (rule,) = rules.rules
    assert rule.when == Condition(">=", 1000.0)
    assert rule.hold == timedelta(hours=2)
    assert rule.where == {"surface": "home", "variation": "no"}
    assert isinstance(rules.receivers["team"], Slack)


def test_the_kind_is_threshold_where_none_is_given(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, "rules:" + RULE.format(name="a")).rules
    assert rule.kind == "threshold"
    assert (rule.severity, rule.receiver, rule.hold) == ("warn", "console", None)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("whn: 3", "6: unknown field 'whn': did you mean 'when'?"),
        ("name: 5", "'name' takes text, not 5: put it in quotes"),
        ("name: 1e-3", "'name' takes text, not 0.001: put it in quotes"),
        ("name: true", "'name' takes text, not true: put it in quotes"),
        ("name: 'a b'", "'name': 'a b' does not match"),
        ("when: 0.04", "'when' takes text, not 0.04: put it in quotes"),
        ("when: 12:30", "'12:30' is not a condition: write an operator and a number"),
        ("when: '< surfaces.min_ctr'", "surfaces.min_ctr differs by surface: add it to by"),
        ("when: '< towns.x'", "no reference table 'towns': known: surfaces"),
        ("for: 2", "'for' takes text, not 2: put it in quotes"),
        ("for: 2 days", "'2 days' is not a duration"),
        ("for: 36h", "36h is not a multiple of 1d, the bucket of analytics.engagement_daily"),
        ("kind: wow", "unknown kind 'wow': one of 'threshold', 'week_over_week', 'drop', 'streak'"),
        ("kind: [a]", "unknown kind ['a']: one of 'threshold', 'week_over_week'"),
        ("kind: week_over_week", "'ctr' is not a change over a week"),
        ("mart: analytics.engagement_dayly", "did you mean 'analytics.engagement_daily'?"),
        ("metric: users", "has no metric 'users': known: age, avg_dwell_ms, clicks, ctr"),
        ("by: surface", "'by' takes a list"),
        ("by: [town]", "has no label 'town': known: country, experiment_key, surface"),
        ("by: [country, country]", "a label is named twice"),
        ("where: {country: 4}", "'country' takes text, not 4: put it in quotes"),
        ("where: {town: x}", "has no label 'town'"),
        ("min_denominator: 5", "'min_denominator' takes keys and values"),
        ("min_denominator: {column: clicks}", "the field 'value' is missing"),
        (
            "min_denominator: {column: clicks, value: '5'}",
            "'value': input should be a valid number",
        ),
        ("min_denominator: {column: users, value: 5}", "has no countable column 'users'"),
        ("severity: critical", "'severity': input should be 'info', 'warn' or 'page'"),
        ("receiver: nobody", "no receiver 'nobody': known: console"),
    ],
)
def test_an_error_names_its_line_and_says_what_to_do(
    tmp_path: Path, field: str, message: str
) -> None:
    given = {
        "name": "name: r",
        "mart": "mart: analytics.engagement_daily",
        "metric": "metric: ctr",
        "when": "when: '< 1'",
    }
    given[field.partition(":")[0]] = field
    body = "rules:\n  - " + "\n    ".join(given.values()) + "\n"
    (error,) = errors(tmp_path, body)
    assert message.split(": ", 1)[-1] in error
    at = "metric" if "is not a change" in message else field.partition(":")[0]
    assert error.startswith(f"{3 + list(given).index(at)}: ")


def test_several_errors_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    body = "rules:\n" + "".join(f"  - {{name: r{i}, typo: 1}}\n" for i in range(5))
    found = errors(tmp_path, body)
    assert len(found) == 11
    assert [int(line.split(":")[0]) for line in found[:10]] == [3, 3, 3, 3, 4, 4, 4, 4, 5, 5]
    assert found[-1] == "and 10 more"


@pytest.mark.parametrize("body", ["", "rules: {}\n", "rulez: []\n", "receivers: 3\n"])
def test_the_top_level_is_strict_too(tmp_path: Path, body: str) -> None:
    if body:
        assert errors(tmp_path, body)
    else:
        assert load(tmp_path, body).rules == ()


def test_a_file_of_another_version_or_of_no_keys_is_refused(tmp_path: Path) -> None:
    for text in ("version: 2\n", 'version: "1"\n', "- 1\n", "just text\n", ""):
        file = tmp_path / "f.yml"
        file.write_text(text)
        with pytest.raises(ConfigurationError, match=r"f\.yml:1: "):
            load_rules([file])


def test_several_files_merge_and_a_name_twice_is_an_error(tmp_path: Path) -> None:
    one = write(tmp_path, "rules:" + RULE.format(name="a"), "one.yml")
    two = write(tmp_path, "rules:" + RULE.format(name="b"), "two.yml")
    assert [rule.name for rule in load_rules([one, two, one]).rules] == ["a", "b"]
    three = write(tmp_path, "rules:" + RULE.format(name="a"), "three.yml")
    with pytest.raises(ConfigurationError) as caught:
        load_rules([one, three])
    assert str(caught.value) == f"{three}:3: a second rule named 'a', the first is at {one}:3"


def test_a_receiver_of_another_file_is_known_and_twice_is_an_error(tmp_path: Path) -> None:
    shared = write(tmp_path, "receivers:\n  - {name: team, type: console}\n", "shared.yml")
    rule = RULE.format(name="a") + "    receiver: team\n"
    rules = write(tmp_path, "rules:" + rule)
    assert load_rules([rules, shared]).rules[0].receiver == "team"
    again = write(tmp_path, "receivers:\n  - {name: team, type: console}\n", "again.yml")
    with pytest.raises(ConfigurationError, match="a second receiver named 'team'"):
        load_rules([rules, shared, again])


@pytest.mark.parametrize(
    ("receiver", "message"),
    [
        ("{name: a, type: slak}", "unknown type 'slak': one of 'console', 'slack'"),
        ("{name: a}", "unknown type None"),
        ("{name: a, type: slack}", "needs either token_env or webhook_env"),
        ("{name: a, type: slack, token_env: T}", "needs a channel beside token_env"),
        ("{name: a, type: slack, channel: c, token_env: T, webhook_env: W}", "needs either"),
    ],
)
def test_receivers_are_checked(tmp_path: Path, receiver: str, message: str) -> None:
    (error,) = errors(tmp_path, f"receivers:\n  - {receiver}\n")
    assert error.startswith("3: ")
    assert message in error


def test_a_secret_written_in_place_of_its_variable_is_not_repeated(tmp_path: Path) -> None:
    body = "receivers:\n  - {name: a, type: slack, channel: c, token_env: xoxb-canary-1}\n"
    (error,) = errors(tmp_path, body)
    assert "takes the name of an environment variable" in error
    assert "canary" not in error


def test_a_mart_that_cannot_be_summed_over_a_label_wants_it_fixed(tmp_path: Path) -> None:
    rule = "rules:\n  - {name: a, mart: analytics.payload_quality_daily, metric: ctr, "
    rule += 'by: [surface], when: "< 1"'
    assert "cannot be summed over attribute" in errors(tmp_path, rule + "}\n")[0]
    assert load(tmp_path, rule + ", where: {attribute: city}}\n").rules


DROP = {
    "name": "a",
    "kind": "drop",
    "mart": "analytics.personalization_daily",
    "metric": "personalized_impression_rate",
    "by": ["namespace", "surface"],
    "when": "< -0.05",
}
STREAK = {
    **DROP,
    "kind": "streak",
    "mart": "analytics.candidate_sources_daily",
    "metric": "longest_zero_streak",
    "where": {"source": "collaborative"},
    "when": ">= 50",
}


def as_rule(rule: dict[str, Any]) -> str:
    return f"rules:\n  - {json.dumps(rule)}\n"


def test_a_drop_and_a_streak(tmp_path: Path) -> None:
    (drop,) = load(tmp_path, as_rule({**DROP, "for": "2d"})).rules
    assert isinstance(drop, Drop)
    assert (drop.baseline, drop.min_baseline) == (timedelta(days=7), None)
    assert drop.hold == timedelta(days=2)
    (drop,) = load(tmp_path, as_rule({**DROP, "baseline": "2w", "min_baseline": 14})).rules
    assert isinstance(drop, Drop)
    assert (drop.baseline, drop.min_baseline) == (timedelta(days=14), 14)
    (streak,) = load(tmp_path, as_rule(STREAK)).rules
    assert isinstance(streak, Streak)
    assert streak.hold is None


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (DROP | {"when": "> 0.05"}, 'a drop is a share less than before: write "< -0.05"'),
        (DROP | {"when": "< 0.05"}, "a drop is a share less than before"),
        (DROP | {"when": "< -5"}, "a drop is a share less than before"),
        (DROP | {"baseline": "36h"}, "36h is not a multiple of 1d"),
        (DROP | {"min_baseline": 8}, "the baseline of 7d has only 7 buckets"),
        (DROP | {"min_baseline": 0}, "'min_baseline': input should be greater than or equal to 1"),
        (DROP | {"baselin": "7d"}, "unknown field 'baselin': did you mean 'baseline'?"),
        (STREAK | {"when": "< 50"}, 'a streak is too long, never too short: write ">= 50"'),
        (STREAK | {"for": "1d"}, "unknown field 'for'"),
        (STREAK | {"metric": "zero_rate"}, "'zero_rate' is not a streak: take longest_zero_streak"),
        (
            STREAK | {"mart": DROP["mart"], "metric": "ctr", "where": {}},
            "'ctr' is not a streak: take analytics.candidate_sources_daily",
        ),
        (
            DROP | {"mart": "analytics.ctr_weekly", "metric": "wow_change", "by": []},
            "write kind: week_over_week",
        ),
        (STREAK | {"where": {}}, "candidate_sources_daily cannot be summed over source"),
        (STREAK | {"by": ["surface"]}, "longest_zero_streak cannot be summed over namespace"),
        (
            DROP | {"metric": "catalog_overlap_pct", "by": ["namespace"]},
            "catalog_overlap_pct cannot be summed over surface: add it to by or to where",
        ),
        (
            DROP | {"min_denominator": {"column": "catalog_overlap_pct", "value": 1}},
            "has no countable column 'catalog_overlap_pct'",
        ),
    ],
)
def test_what_a_drop_a_streak_and_a_figure_refuse(
    tmp_path: Path, rule: dict[str, Any], message: str
) -> None:
    (error,) = errors(tmp_path, as_rule(rule))
    assert message in error


def test_a_figure_may_fix_its_labels_and_is_large_by_what_it_rests_on(tmp_path: Path) -> None:
    guard = {"column": "overlap_pairs", "value": 1000}
    fixed = {"metric": "catalog_overlap_pct", "by": [], "min_denominator": guard}
    where = {"namespace": "default", "surface": "home"}
    assert load(tmp_path, as_rule({**DROP, **fixed, "where": where})).rules
    cohorts: dict[str, Any] = {"mart": "analytics.topk_overlap_daily", "metric": "p90"}
    cohorts["min_denominator"] = {"column": "pairs", "value": 50}
    where = {"cohort_type": "device", "cohort": "ios"}
    assert load(tmp_path, as_rule({**DROP, **cohorts, "where": where})).rules


def test_five_minutes_divide_the_time_a_breach_must_last(tmp_path: Path) -> None:
    intraday = DROP | {"kind": "threshold", "mart": "analytics.personalization_intraday"}
    assert load(tmp_path, as_rule({**intraday, "for": "30m"})).rules
    (error,) = errors(tmp_path, as_rule({**intraday, "for": "12m"}))
    assert "12m is not a multiple of 5m" in error


def test_only_the_named_rules(tmp_path: Path) -> None:
    rules = load(tmp_path, "rules:" + RULE.format(name="ctr-a") + RULE.format(name="b"))
    assert [rule.name for rule in rules.only(["b"]).rules] == ["b"]
    assert len(rules.only([]).rules) == 2
    with pytest.raises(ConfigurationError, match=r"no rule 'ctr': did you mean 'ctr-a'\?"):
        rules.only(["ctr"])


@pytest.mark.parametrize("text", ["30m", "1h", "2d", "6d"])
def test_durations_read_and_write(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize("text", ["0d", "-1d", "1.5d", "d", "1y", "", "1d1h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "0.04", "== 1", "< nan", "< 4 %", "<", "< a.b.c", "=< 3"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match="is not a condition"):
        Condition.parse(text)


def test_the_catalogue_of_marts_is_consistent() -> None:
    for mart in MARTS.values():
        assert set(mart.fixed) <= set(mart.labels)
        assert mart.time not in mart.labels


def test_a_json_schema_can_be_made() -> None:
    schema = TypeAdapter(RuleFile).json_schema()
    assert "for" in schema["$defs"]["Threshold"]["properties"]
