"""Which receivers a run opens, with which secrets."""

from pathlib import Path

import pytest

from alerts.errors import ConfigurationError
from alerts.notify import ConsoleReceiver
from alerts.notify.file import FileReceiver
from alerts.notify.pagerduty import PagerDutyReceiver
from alerts.notify.pushgateway import PushgatewayReceiver
from alerts.notify.slack import SlackReceiver
from alerts.notify.webhook import WebhookReceiver
from alerts.rules import RuleSet, load_rules
from alerts.runner import open_receivers

CANARY = "canary-9b1e"
FILE = """version: 1
receivers:
  - {name: team, type: slack, channel: "#team", token_env: TEAM_TOKEN, fallback: duty}
  - {name: duty, type: pagerduty, fallback: log}
  - {name: log, type: file, path: alerts.jsonl}
  - {name: hook, type: webhook, url_env: HOOK_URL}
  - {name: metrics, type: pushgateway}
  - {name: unused, type: slack, webhook_env: UNUSED_URL}
"""
ROUTES = """routes:
  - {severity: page, receiver: [hook, team]}
"""
RULE = """rules:
  - name: ctr
    mart: analytics.engagement_daily
    metric: ctr
    when: "< 0.04"
"""
SECRETS = {
    "TEAM_TOKEN": f"xoxb-{CANARY}",
    "PAGERDUTY_ROUTING_KEY": CANARY,
    "PUSHGATEWAY_URL": f"http://me:{CANARY}@127.0.0.1:9091",
    "HOOK_URL": f"https://127.0.0.1/{CANARY}",
}


def rules(folder: Path, text: str) -> RuleSet:
    path = folder / "rules.yml"
    path.write_text(text)
    return load_rules([path])


def test_what_a_rule_names_and_what_stands_in_for_it(tmp_path: Path) -> None:
    named = rules(tmp_path, f"{FILE}{RULE}    receiver: team\n")
    outlets = open_receivers(named, SECRETS, print, strict=True)
    assert {name: type(one) for name, one in outlets.receivers.items()} == {
        "team": SlackReceiver,
        "duty": PagerDutyReceiver,
        "log": FileReceiver,
        "metrics": PushgatewayReceiver,
    }
    assert outlets.types == {
        "team": "slack",
        "duty": "pagerduty",
        "log": "file",
        "metrics": "pushgateway",
    }
    assert outlets.fallbacks == {"team": "duty", "duty": "log"}
    assert outlets.watchers == {"metrics": outlets.receivers["metrics"]}
    assert outlets.warnings == ()


def test_what_the_routes_name_where_a_rule_names_none(tmp_path: Path) -> None:
    routed = rules(tmp_path, f"{FILE}{ROUTES}{RULE}")
    outlets = open_receivers(routed, SECRETS, print)
    assert list(outlets.receivers) == ["hook", "team", "duty", "log", "console", "metrics"]
    assert isinstance(outlets.receivers["hook"], WebhookReceiver)
    assert isinstance(outlets.receivers["console"], ConsoleReceiver)


def test_what_earlier_messages_wait_for(tmp_path: Path) -> None:
    plain = rules(tmp_path, FILE + RULE)
    outlets = open_receivers(plain, SECRETS, print, also=["duty", "gone"])
    assert {"duty", "log"} <= set(outlets.receivers)
    assert "gone" not in outlets.receivers


def test_every_missing_secret_is_named_once(tmp_path: Path) -> None:
    routed = rules(tmp_path, f"{FILE}{ROUTES}{RULE}")
    outlets = open_receivers(routed, {}, print)
    assert outlets.warnings == (
        "receiver hook: HOOK_URL is not set, so it writes to the console",
        "receiver team: TEAM_TOKEN is not set, so it writes to the console",
        "receiver duty: PAGERDUTY_ROUTING_KEY is not set, so it writes to the console",
        "receiver metrics: PUSHGATEWAY_URL is not set, so nothing is pushed",
    )
    assert outlets.watchers == {}
    assert {outlets.types[name] for name in ("hook", "team", "duty", "metrics")} == {"console"}
    with pytest.raises(ConfigurationError) as caught:
        open_receivers(routed, {}, print, strict=True)
    assert str(caught.value).count("is not set: set it, or leave --strict out") == 4


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TEAM_TOKEN", f"{CANARY} and more"),
        ("PAGERDUTY_ROUTING_KEY", f"{CANARY}\nx"),
        ("PUSHGATEWAY_URL", f"ftp://{CANARY}"),
        ("HOOK_URL", CANARY),
        ("RECWATCH_SLACK_BASE_URL", CANARY),
        ("RECWATCH_PAGERDUTY_BASE_URL", f"file:///{CANARY}"),
    ],
)
def test_a_secret_of_the_wrong_shape_is_named_not_shown(
    tmp_path: Path, variable: str, value: str
) -> None:
    routed = rules(tmp_path, f"{FILE}{ROUTES}{RULE}")
    with pytest.raises(ConfigurationError, match=variable) as caught:
        open_receivers(routed, {**SECRETS, variable: value}, print)
    assert CANARY not in str(caught.value)
