"""What is sent to whom in which words, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from alerts.errors import ConfigurationError
from alerts.notify import ConsoleReceiver
from alerts.runner import Episode, Evaluation, Result, open_receivers
from alerts.runner.evaluate import fingerprint
from tests.alerts.runner.helpers import day, decide, rule, ruleset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alerts.runner.compose import Outgoing


def result(**fields: Any) -> Result:
    base: dict[str, Any] = {
        "rule": "r",
        "labels": (("surface", "home"),),
        "state": "firing",
        "severity": "warn",
        "bucket": day(3),
        "since": day(2),
        "value": 0.03,
        "threshold": 0.04,
        "numerator": 30,
        "denominator": 1000,
        "reason": "ctr 3 % < 4 %",
        "fingerprint": "f",
        "until": day(4),
        "unit": "share",
        "over": "impressions",
    }
    return Result(**{**base, **fields})


def decided(
    tmp_path: Path, results: Sequence[Result], flags: Sequence[str] = ()
) -> Sequence[Outgoing]:
    receivers = "receivers:\n  - {name: team, type: console}\n"
    rules = ruleset(
        tmp_path,
        rule(description="Says this.", playbook="Do that.\n"),
        rule(name="p", severity="page", receiver="team"),
        receivers=receivers,
    )
    named = [replace(one, fingerprint=fingerprint(one.rule, one.labels)) for one in results]
    episodes = [begun(one) for one in named if one.state == "firing"]
    return decide(Evaluation(None, tuple(named), tuple(episodes)), rules, flags)


def begun(one: Result) -> Episode:
    """The episode of a result that fires."""
    return Episode(
        *(one.rule, one.labels, one.fingerprint, one.severity),
        *(one.since or day(2), one.bucket or day(3), one.bucket or day(3)),
        *(2, one.value or 0.0, one.threshold),
        open=True,
    )


def test_a_message_says_what_why_since_when_and_how_to_see_it_again(tmp_path: Path) -> None:
    (outgoing,) = decided(tmp_path, [result()], ["--rules", "my rules.yml"])
    assert outgoing.receiver == "console"
    assert outgoing.message.headline == "WARN: r {surface=home}"
    (alert,) = outgoing.message.alerts
    assert dict(alert.facts) == {
        "severity": "warn",
        "rule": "r",
        "surface": "home",
        "value": "3 %",
        "threshold": "< 4 %",
        "since": "2025-03-05",
        "bucket": "2025-03-06",
        "impressions": "1,000",
    }
    assert (alert.description, alert.playbook) == ("Says this.", "Do that.\n")
    assert alert.command == (
        "recwatch check --rule r --as-of 2025-03-07 --rules 'my rules.yml' --dry-run"
    )


def test_only_what_fires_is_sent_the_gravest_first(tmp_path: Path) -> None:
    quiet = [
        result(state=state, labels=(("surface", state),))
        for state in ("ok", "pending", "no_data", "invalid", "error", "too_few")
    ]
    outgoing = decided(tmp_path, [*quiet, result(), result(rule="p", severity="page")])
    assert [(o.receiver, o.message.severity) for o in outgoing] == [
        ("team", "page"),
        ("console", "warn"),
    ]


def test_more_than_ten_become_one_message_per_receiver(tmp_path: Path) -> None:
    results = [result(labels=(("surface", f"s{n}"),)) for n in range(11)]
    assert len(decided(tmp_path, results[:10])) == 10
    grouped = decided(tmp_path, [*results, result(rule="p", severity="page")])
    assert [(o.receiver, len(o.message.alerts)) for o in grouped] == [("team", 1), ("console", 11)]
    assert grouped[1].message.headline == "WARN: 11 alerts fire"
    assert grouped[1].message.command == "recwatch check --dry-run"


SLACK = """receivers:
  - {name: token, type: slack, channel: "#c", token_env: TEAM_TOKEN}
  - {name: hook, type: slack, webhook_env: TEAM_HOOK}
"""


def test_receivers_without_their_secret_write_to_the_console(tmp_path: Path) -> None:
    rules = ruleset(
        tmp_path, rule(receiver="token"), rule(name="b", receiver="hook"), receivers=SLACK
    )
    outlets = open_receivers(rules, {"TEAM_TOKEN": " "}, print)
    assert set(outlets.types.values()) == {"console"}
    assert all(isinstance(one, ConsoleReceiver) for one in outlets.receivers.values())
    assert [w.split(":")[1].split()[0] for w in outlets.warnings] == ["TEAM_TOKEN", "TEAM_HOOK"]
    with pytest.raises(ConfigurationError, match="TEAM_HOOK is not set"):
        open_receivers(rules, {"TEAM_TOKEN": "x"}, print, strict=True)


def test_a_secret_of_the_wrong_shape_is_named_not_shown(tmp_path: Path) -> None:
    rules = ruleset(
        tmp_path, rule(receiver="token"), rule(name="b", receiver="hook"), receivers=SLACK
    )
    good = {"TEAM_TOKEN": "xoxb-1", "TEAM_HOOK": "https://hooks.example/x"}
    assert open_receivers(rules, good, print).warnings == ()
    for name, value in (
        ("TEAM_TOKEN", "canary with spaces"),
        ("TEAM_HOOK", "ftp://canary"),
        ("RECWATCH_SLACK_BASE_URL", "canary"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            open_receivers(rules, {**good, name: value}, print)
        assert name in str(caught.value)
        assert "canary" not in str(caught.value)


def test_only_receivers_that_a_rule_names_are_opened(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, rule(), receivers=SLACK)
    outlets = open_receivers(rules, {}, print, strict=True)
    assert list(outlets.receivers) == ["console"]
