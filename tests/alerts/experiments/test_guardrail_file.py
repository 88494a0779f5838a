"""`ab-test-guardrails.yaml`: as it stands, strictly, and what it makes of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from alerts.errors import ConfigurationError
from alerts.experiments.guardrail_file import DEFAULT_FILE, Settings, load_guardrails
from alerts.experiments.guardrails import Guardrail, Margin
from alerts.experiments.guards import Guard, guards
from alerts.experiments.results import Refusal
from tests.alerts.experiments.made import Made, metric

if TYPE_CHECKING:
    from pathlib import Path

# As the best practices have it, character by character.
AS_IT_STANDS = """\
# ab-test-guardrails.yaml
experiment_defaults:
  srm_check: chi_square
  variance_reduction: cuped
  min_duration_days: 14
  guardrails:
    - name: "p95_latency_ms"
      direction: "lower_is_better"
      threshold: "+5%"
    - name: "crash_free_sessions"
      direction: "higher_is_better"
      threshold: "-0.2%"
"""
EXPERIMENTS = """\
experiments:
  exp:
    variance_reduction: none
    min_duration_days: 21
    guardrails:
      - {name: crash_free_sessions, direction: higher_is_better, threshold: "-1%"}
      - {name: bounce_rate, direction: lower_is_better, threshold: 0.01}
"""
LATENCY = metric("over_threshold_rate", "guardrail", margin=0.05)
CRASHES = metric("crash_free_sessions", "guardrail", margin=0.002)


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    def read(text: str, key: str = "exp") -> Settings:
        file = tmp_path / "guardrails.yaml"
        file.write_text(text)
        return load_guardrails(file).settings(key)

    return read


def test_it_is_read_as_it_stands(settings: Any) -> None:
    found = settings(AS_IT_STANDS)
    assert (found.srm_check, found.variance_reduction) == ("chi_square", "cuped")
    assert found.min_duration_days == 14
    assert [(one.name, one.margin) for one in found.guardrails] == [
        ("p95_latency_ms", Margin(0.05, relative=True)),
        ("crash_free_sessions", Margin(0.002, relative=True)),
    ]


def test_the_shipped_file_says_the_same(settings: Any) -> None:
    assert load_guardrails().settings("exp") == settings(AS_IT_STANDS)
    assert DEFAULT_FILE.is_file()


def test_an_experiment_has_its_own(settings: Any) -> None:
    own = settings(AS_IT_STANDS + EXPERIMENTS)
    assert (own.variance_reduction, own.min_duration_days) == ("none", 21)
    assert own.srm_check == "chi_square"
    assert {one.name: one.threshold for one in own.guardrails} == {
        "p95_latency_ms": "+5%",
        "crash_free_sessions": "-1%",
        "bounce_rate": 0.01,
    }
    assert settings(AS_IT_STANDS + EXPERIMENTS, "other") == settings(AS_IT_STANDS)


def test_what_is_not_said_has_a_default(settings: Any) -> None:
    found = settings("experiment_defaults: {}")
    assert found == Settings(
        srm_check="chi_square", variance_reduction="cuped", min_duration_days=14.0
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: a guardrail file has keys"),
        ("a: 1", "unknown field 'a': one of experiment_defaults, experiments"),
        ("experiments: {}", "the field 'experiment_defaults' is missing"),
        ("experiment_defaults: [1]", "'experiment_defaults' takes keys and values"),
        ("experiment_defaults: {srm_check: none}", "'srm_check': input should be 'chi_square'"),
        ("experiment_defaults:\n  min_duration_days: 0", ":2: 'min_duration_days'"),
        ("experiment_defaults: {min_duration_days: '14'}", "'min_duration_days'"),
        ("experiment_defaults: {guardrails: {a: 1}}", "'guardrails' takes a list"),
        ("experiment_defaults: {}\nexperiment_defaults: {}", ":2: the key"),
        ("experiment_defaults: {}\nexperiments: {x: [1]}", ":2: 'x' takes keys and values"),
    ],
)
def test_a_mistake_is_answered_with_its_line(settings: Any, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"guardrails\.yaml") as caught:
        settings(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{name: a, direction: up, threshold: "+5%"}', "'direction': input should be"),
        (
            "{name: a, direction: lower_is_better, threshold: true}",
            "'threshold' takes text such as",
        ),
        ("{name: a, direction: lower_is_better}", "the field 'threshold' is missing"),
        ('{name: A b, direction: lower_is_better, threshold: "0"}', "is no name of a metric"),
        ('{name: a, direction: lower_is_better, threshold: "5 per cent"}', "must be like +5%"),
        ('{name: a, direction: higher_is_better, threshold: "+5%"}', "asks for an improvement"),
        (
            '{name: a, direction: lower_is_better, threshold: "+5%", margin: 1}',
            "unknown field 'margin': one of name, direction, threshold",
        ),
    ],
)
def test_so_is_one_in_a_guardrail(settings: Any, entry: str, said: str) -> None:
    text = f"experiment_defaults:\n  guardrails:\n    - {entry}\n"
    with pytest.raises(ConfigurationError, match=r"guardrails\.yaml:3: ") as caught:
        settings(text)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_guardrail_stands_once(settings: Any) -> None:
    entry = '    - {name: a, direction: lower_is_better, threshold: "+5%"}\n'
    with pytest.raises(ConfigurationError, match="4: a second guardrail named 'a'"):
        settings(f"experiment_defaults:\n  guardrails:\n{entry}{entry}")


def test_many_mistakes_are_ten_lines_and_a_count(settings: Any) -> None:
    listed = "".join(f"  field_{number}: 1\n" for number in range(14))
    with pytest.raises(ConfigurationError) as caught:
        settings(f"experiment_defaults:\n{listed}")
    assert len(str(caught.value).splitlines()) == 11
    assert str(caught.value).endswith("and 4 more")


# What an experiment has of it.


def found(settings: Settings, *metrics: dict[str, Any], **plan: Any) -> dict[str, Guard]:
    made = Made(metrics=(metric("ctr", "primary"), *metrics), plan=plan, days=1)
    return {one.name: one for one in guards(made.evidence().plan, settings)}


def test_latency_is_judged_as_the_share_above_the_threshold(settings: Any) -> None:
    all_of_them = found(settings(AS_IT_STANDS), LATENCY, CRASHES, latency_threshold_ms=300.0)
    assert sorted(all_of_them) == ["crash_free_sessions", "p95_latency_ms"]
    latency = all_of_them["p95_latency_ms"]
    assert latency.metric == "over_threshold_rate"
    assert latency.note == "judged as the share of responses above 300 ms"
    assert latency.rule == Guardrail(
        "p95_latency_ms", "lower_is_better", Margin(0.05, relative=True)
    )


def test_without_a_threshold_it_is_refused_with_the_reason(settings: Any) -> None:
    latency = found(settings(AS_IT_STANDS), CRASHES)["p95_latency_ms"]
    assert isinstance(latency.rule, Refusal)
    assert "set config.latency_threshold_ms" in latency.rule.reason


def test_what_nothing_measures_is_refused(settings: Any) -> None:
    crashes = found(settings(AS_IT_STANDS))["crash_free_sessions"]
    assert crashes.rule == Refusal(
        "nothing measures crash_free_sessions where the source is personalization_metrics"
    )


def test_the_nearer_word_counts(settings: Any) -> None:
    """The experiment's configuration, then its entry in the file, the defaults, the metric."""
    entry = settings(AS_IT_STANDS + EXPERIMENTS)
    own = metric("crash_free_sessions", "guardrail", threshold="-3%")
    cases = [
        (entry, own, "experiment", 0.03),
        (entry, CRASHES, "file", 0.01),
        (settings(AS_IT_STANDS), CRASHES, "file", 0.002),
        (settings("experiment_defaults: {}"), CRASHES, "metric", 0.002),
    ]
    for chosen, planned, origin, size in cases:
        guard = found(chosen, planned)["crash_free_sessions"]
        assert guard.origin == origin
        assert isinstance(guard.rule, Guardrail)
        assert guard.rule.margin == Margin(size, relative=True)


def test_a_margin_of_the_configuration_is_absolute(settings: Any) -> None:
    own = metric("bounce_rate", "guardrail", margin=0.02, margin_type="absolute")
    guard = found(settings(AS_IT_STANDS + EXPERIMENTS), own)["bounce_rate"]
    assert isinstance(guard.rule, Guardrail)
    assert (guard.origin, guard.rule.margin) == ("experiment", Margin(0.02, relative=False))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": "+3%"}, "asks for an improvement"),
        ({"threshold": "a bit"}, "must be like"),
        ({"direction": None}, "no direction"),
        ({"margin": -1.0}, "a margin must be a number, 0 or more"),
    ],
)
def test_a_senseless_configuration_is_a_refusal(
    settings: Any, change: dict[str, Any], said: str
) -> None:
    own = metric("crash_free_sessions", "guardrail", **change)
    guard = found(settings("experiment_defaults: {}"), own)["crash_free_sessions"]
    assert isinstance(guard.rule, Refusal)
    assert said in guard.rule.reason
