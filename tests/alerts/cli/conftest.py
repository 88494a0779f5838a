"""`recwatch` as it is typed, on marts made by hand, with a real server in Slack's place."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from alerts.cli import main
from alerts.notify.slack import Patience
from tests.alerts.handmade import Cell, Marts, healthy, project
from tests.alerts.notify.samples import CANARIES, CANARY
from tests.alerts.notify.server import FakeSlack, Reply, fake_slack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = """
version: 1
receivers:
  - {name: team, type: slack, channel: "#team", token_env: TEAM_TOKEN}
rules:
  - name: ctr
    mart: analytics.engagement_daily
    metric: ctr
    by: [country]
    when: "< 0.04"
    receiver: team
    severity: page
    playbook: Look at the logs.
"""


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory and none of the variables that this machine may have set."""
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in (
        "DBT_TARGET",
        "DBT_PROFILES_DIR",
        "DBT_PROJECT_DIR",
        "DBT_PROFILE",
        "DBT_SCHEMA_PREFIX",
        "RECWATCH_RULES",
        "RECWATCH_GUARDRAILS",
        "RECWATCH_STATE_URL",
        "RECWATCH_SLACK_BASE_URL",
        "RECWATCH_PAGERDUTY_BASE_URL",
        "SLACK_BOT_TOKEN",
        "SLACK_WEBHOOK_URL",
        "PAGERDUTY_ROUTING_KEY",
        "PUSHGATEWAY_URL",
        "TEAM_TOKEN",
        "COLUMNS",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def marts(surroundings: None, tmp_path: Path) -> Marts:
    """Forty days with a CTR drop on `home` on the newest complete day, and healthy weeks."""
    made = Marts(tmp_path / "marts.duckdb")
    project(tmp_path, made.path)
    cells = healthy(40)
    for cell in cells:
        if cell.surface == "home" and cell.day == 38:
            cell.clicks = 20
    made.daily(*cells)
    made.weekly(
        *((week, name, 7000, 700, True) for week in range(5) for name in ("for_you", "home", "pdp"))
    )
    return made


@pytest.fixture
def empty(surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Marts:
    """Marts without rows, a rule for Slack, and its secret."""
    made = Marts(tmp_path / "marts.duckdb")
    project(tmp_path, made.path)
    (tmp_path / "rules.yml").write_text(RULE)
    monkeypatch.setenv("RECWATCH_RULES", "rules.yml")
    monkeypatch.setenv("TEAM_TOKEN", CANARY)
    return made


@pytest.fixture
def low(empty: Marts) -> Marts:
    """Two countries below the threshold."""
    empty.daily(*(Cell(n, clicks=10, country=c) for n in range(3) for c in ("DE", "FR")))
    return empty


@pytest.fixture
def slack(surroundings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    with fake_slack(Reply()) as server:
        monkeypatch.setenv("RECWATCH_SLACK_BASE_URL", server.url)
        # The pace of one message a second is tested with the receiver.
        hurried = partial(Patience, pace=0, backoff=0)
        monkeypatch.setattr("alerts.notify.slack.Patience", hurried)
        yield server


class Ran:
    """One call of the program."""

    def __init__(self, capfd: pytest.CaptureFixture[str], *command: str) -> None:
        self.capfd = capfd
        self.command = command

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*self.command, *arguments])
        out, err = self.capfd.readouterr()
        assert "Traceback" not in out + err
        assert not [secret for secret in CANARIES if secret in out + err]
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return code or 0, out, err

    def json(self, *arguments: str) -> dict[str, Any]:
        _, out, _ = self("--json", *arguments)
        content: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
        return content


@pytest.fixture
def check(capfd: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capfd, "check")


@pytest.fixture
def history(capfd: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capfd, "history")


@pytest.fixture
def silence(capfd: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capfd, "silence")
