"""`recwatch check` when things go wrong: receivers, state, marts, and names that mean harm."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from alerts.notify.attempts import Patience
from alerts.state.store import open_state
from tests.alerts.cli.conftest import RULE, Ran
from tests.alerts.cli.test_check_state import days, kinds, texts
from tests.alerts.handmade import Cell, Marts
from tests.alerts.notify.samples import CANARIES, CANARY, ROUTING_KEY
from tests.alerts.notify.server import Reply, Site, fake_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.alerts.notify.server import FakeSlack

pytestmark = pytest.mark.usefixtures("surroundings")
UP = Reply()
DOWN = Reply(503, b"<html>")
OUT_OF_REACH = Reply.json({"ok": False, "error": "channel_not_found"})
PAGER = """
version: 1
receivers:
  - {name: rotation, type: pagerduty, routing_key_env: TEAM_KEY}
  - {name: team, type: slack, channel: "#team", token_env: TEAM_TOKEN, fallback: rotation}
rules:
"""


@pytest.fixture
def pagerduty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with fake_site(Reply.json({"status": "success", "dedup_key": "x"}, 202)) as server:
        monkeypatch.setenv("RECWATCH_PAGERDUTY_BASE_URL", server.url)
        monkeypatch.setenv("TEAM_KEY", ROUTING_KEY)
        hurried = partial(Patience, pace=0, backoff=0)
        monkeypatch.setattr("alerts.runner.receivers.Patience", hurried)
        yield server


def interpreted(content: Any) -> Iterator[str]:
    """The texts of a message in which Slack looks for mentions and links."""
    if isinstance(content, list):
        for each in content:
            yield from interpreted(each)
    elif isinstance(content, dict):
        for name, each in content.items():
            if not isinstance(each, str):
                yield from interpreted(each)
            elif name == "text" and content.get("type") != "plain_text":
                yield each


def test_what_a_receiver_missed_comes_first_when_it_is_back(
    empty: Marts, slack: FakeSlack, check: Ran
) -> None:
    slack.replies[:] = [DOWN]
    days(empty, 100, 10)
    days(empty, 100, 100, country="FR")
    code, _, err = check()
    assert (code, err) == (4, "recwatch: receiver team: 1 not delivered: HTTP 503\n")
    days(empty, 100, 10, 100)
    days(empty, 100, 100, 10, country="FR")
    assert check()[0] == 4
    assert slack.messages == []
    slack.replies[:] = [UP]
    slack.requests.clear()
    code, out, err = check()
    assert (code, err) == (0, "")
    # The order in which it happened; what ended is not told before it began.
    assert texts(slack) == [
        "PAGE: ctr {country=DE}",
        "PAGE: ctr {country=FR}",
        "Resolved: ctr {country=DE}",
        "Resolved: ctr {country=DE}",
    ]
    assert slack.messages[2]["thread_ts"] == slack.messages[0]["ts"]
    assert out.count("Sent to team (slack)") == 3
    check()
    assert len(slack.messages) == 3


def test_what_the_receiver_took_before_it_broke_is_not_sent_again(
    empty: Marts, slack: FakeSlack, check: Ran
) -> None:
    slack.replies[:] = [Reply(500, b"", accepts=True), Reply(500, b"")]
    slack.unreadable = {"conversations.list"}
    days(empty, 100, 10)
    assert check()[0] == 4
    slack.unreadable = set()
    slack.replies[:] = [UP]
    posted = len(slack.messages)
    code, out, _ = check()
    assert code == 0
    assert len(slack.messages) == posted
    assert "Sent to team (slack), as an earlier run had done: PAGE: ctr {country=DE}" in out


def test_what_is_refused_goes_to_the_fallback(
    empty: Marts, slack: FakeSlack, pagerduty: Site, check: Ran, tmp_path: Path
) -> None:
    (tmp_path / "rules.yml").write_text(PAGER + RULE.split("rules:\n")[1])
    slack.replies[:] = [OUT_OF_REACH]
    days(empty, 100, 10)
    code, out, err = check()
    assert (code, err) == (0, "")
    assert "Sent to rotation (pagerduty): PAGE: ctr {country=DE}" in out
    days(empty, 100, 10, 100)
    notifications = check.json()["notifications"]
    assert {(one["receiver"], one["outcome"]) for one in notifications} == {
        ("rotation", "delivered")
    }
    begun, ended = pagerduty.bodies
    assert [begun["event_action"], ended["event_action"]] == ["trigger", "resolve"]
    assert begun["dedup_key"] == ended["dedup_key"]


def test_pagerduty_gets_one_incident_for_each_episode(
    empty: Marts, pagerduty: Site, check: Ran, tmp_path: Path
) -> None:
    rule = RULE.split("rules:\n")[1].replace("receiver: team", "receiver: rotation")
    (tmp_path / "rules.yml").write_text(PAGER + rule)
    for clicks in ((10,), (10, 10), (10, 10, 100), (10, 10, 100, 10)):
        days(empty, 100, *clicks)
        assert check()[0] == 0
    events = [(one["event_action"], one["dedup_key"]) for one in pagerduty.bodies]
    first, second = events[0][1], events[-1][1]
    assert events == [
        ("trigger", first),
        ("trigger", first),
        ("resolve", first),
        ("trigger", second),
    ]
    assert first != second


def test_five_hundred_alerts_are_one_message(empty: Marts, slack: FakeSlack, check: Ran) -> None:
    empty.daily(*(Cell(n, clicks=10, country=f"c{c}") for n in range(3) for c in range(500)))
    code, out, _ = check()
    assert code == 0
    assert texts(slack) == ["PAGE: 500 alerts fire"]
    assert out.count("Sent to team") == 1
    check()
    assert len(slack.requests) == 1


def test_a_text_of_forty_thousand_characters(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path
) -> None:
    (tmp_path / "rules.yml").write_text(RULE.replace("Look at the logs.", "Look. " * 7000))
    code, _, err = check()
    assert code == 2
    assert "rules.yml:13: " in err
    assert "20000 characters" in err
    (tmp_path / "rules.yml").write_text(RULE.replace("Look at the logs.", "Look. " * 3300))
    days(empty, 100, 10, country="x" * 40_000)
    assert check()[0] == 0
    (request,) = slack.requests
    # What Slack takes of one message.
    assert len(json.dumps(request["text"])) < 40_000
    sections = re.findall(r'"text": "((?:[^"\\]|\\.)*)"', json.dumps(request))
    assert max(map(len, sections)) < 4000
    assert check()[0] == 0
    assert len(slack.requests) == 1


def test_names_that_mean_harm_are_text_in_every_place(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran, silence: Ran
) -> None:
    evil = "<!channel> <https://x.test|y> `z` \u202e\x1b[2J\u2028'\"; drop table records; --"
    days(empty, 100, 10, country=evil)
    assert check()[0] == 0
    days(empty, 100, 10, 100, country=evil)
    silence("add", f"country={evil}", "--for", "1h", "--reason", evil, "--author", evil)
    shown = check()[1] + history()[1] + silence("list")[1]
    assert not [char for char in "\x1b\u202e\u2028" if char in shown]
    assert "drop table records" in shown
    parsed = [text for request in slack.requests for text in interpreted(request)]
    assert any("&lt;!channel&gt;" in text for text in parsed)
    assert not [text for text in parsed if "<!" in text or "<http" in text]
    assert [one["labels"]["country"] for one in history.json()["entries"]] == [evil] * 2
    assert [one.get("thread_ts") for one in slack.messages] == [None, slack.messages[0]["ts"]]


def test_two_runs_at_once(low: Marts, slack: FakeSlack, check: Ran) -> None:
    now = datetime(2025, 3, 10, tzinfo=UTC)
    with open_state("sqlite:///recwatch-state.db", now=now, command="recwatch check"):
        code, out, err = check()
    assert (code, out) == (5, "")
    assert "held by recwatch check, process" in err
    assert "since 2025-03-10T00:00:00" in err
    assert slack.requests == []
    assert check()[0] == 0
    assert len(slack.requests) == 2


def test_a_damaged_state_says_what_to_do(
    low: Marts, slack: FakeSlack, check: Ran, history: Ran, tmp_path: Path
) -> None:
    check()
    state = tmp_path / "recwatch-state.db"
    content = bytearray(state.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    state.write_bytes(content)
    for ran in (check, history):
        code, out, err = ran()
        assert (code, out) == (6, "")
        assert "--init-state" in err
        assert "what fires is told again" in err
    assert state.read_bytes() == bytes(content)
    assert len(slack.requests) == 2
    assert check("--init-state")[0] == 0
    assert len(slack.requests) == 4
    assert [one for one in tmp_path.glob("recwatch-state.db*") if one.read_bytes() == content]
    assert check()[0] == 0
    assert len(slack.requests) == 4


def test_init_state_changes_nothing_about_a_sound_state(
    low: Marts, slack: FakeSlack, check: Ran
) -> None:
    check()
    assert check("--init-state")[0] == 0
    assert len(slack.requests) == 2
    assert check("--init-state", "--dry-run")[0] == 2


def test_marts_that_cannot_be_read_three_times_are_one_alert(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 10)
    check()
    away = empty.path.with_name("away.duckdb")
    empty.path.rename(away)
    for run in range(5):
        code, _, err = check()
        assert code == 3
        assert "marts.duckdb" in err
        assert len(slack.requests) == (1 if run < 2 else 2)
    assert texts(slack)[1] == "Cannot be judged: (warehouse) {target=duckdb}"
    assert kinds(history, "--rule", "(warehouse)") == [("unknown", True)]
    away.rename(empty.path)
    assert check()[0] == 0
    assert texts(slack)[2:] == ["Can be judged again: (warehouse) {target=duckdb}"] * 2
    assert slack.messages[-1]["thread_ts"] == slack.messages[1]["ts"]
    # What fired before fires on, and was not told again.
    assert kinds(history, "--rule", "ctr") == [("firing", True)]


def test_what_waits_is_sent_though_the_marts_cannot_be_read(
    empty: Marts, slack: FakeSlack, check: Ran
) -> None:
    slack.replies[:] = [DOWN]
    days(empty, 100, 10)
    assert check()[0] == 4
    empty.path.rename(empty.path.with_name("away.duckdb"))
    code, _, err = check()
    assert code == 3
    assert "receiver team: 1 not delivered: HTTP 503" in err
    slack.replies[:] = [UP]
    assert check()[0] == 3
    assert [one["text"] for one in slack.messages] == ["PAGE: ctr {country=DE}"]


def test_a_column_that_is_gone_is_the_trouble_of_its_rule_alone(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path
) -> None:
    rule = """  - name: dwell
    mart: analytics.engagement_daily
    metric: avg_dwell_ms
    by: [surface]
    when: "< 5000"
    receiver: team
    severity: warn
"""
    (tmp_path / "rules.yml").write_text(RULE + rule)
    days(empty, 100, 100)
    check()
    empty.execute("alter table analytics.engagement_daily drop column dwell_ms_sum")
    empty.execute(
        "update analytics.engagement_daily set clicks = ? where day = ?", [(10, Cell(1).date)]
    )
    for run in range(4):
        code, out, _ = check()
        assert code == 0
        assert "dwell_ms_sum" in " ".join(out.split())
        assert len(slack.requests) == (1 if run < 2 else 2)
    assert texts(slack) == ["PAGE: ctr {country=DE}", "Cannot be judged: dwell"]


def test_no_secret_is_found_anywhere(
    empty: Marts, slack: FakeSlack, pagerduty: Site, check: Ran, tmp_path: Path
) -> None:
    history = Ran(check.capfd, "history")
    outputs = []
    (tmp_path / "rules.yml").write_text(PAGER + RULE.split("rules:\n")[1])
    for clicks, reply in (
        ((10,), OUT_OF_REACH),
        ((10, 10), UP),
        ((10, 100), DOWN),
        ((10, 100, 10), Reply.json({"ok": False, "error": CANARY})),
        ((10, 100, 10, 10), Reply(200, CANARY.encode())),
        ((10, 100, 10, 100), Reply(302, b"", {"Location": f"http://127.0.0.1/{CANARY}"})),
    ):
        slack.replies[:] = [reply]
        days(empty, 100, *clicks)
        outputs += [check("--json"), check("--dry-run"), history("--json"), history()]
    assert slack.tokens[0] == f"Bearer {CANARY}"
    assert pagerduty.bodies[0]["routing_key"] == ROUTING_KEY
    password = "canary-pa55word"
    for command in (check, history):
        for state in (
            f"postgresql://watch:{password}@127.0.0.1:1/state",
            f"mysql://watch:{password}@127.0.0.1/state",
            f"postgresql://watch:{password}@[::1/state",
        ):
            code, out, err = command("--state", state)
            assert code in {2, 6}
            outputs.append((code, out, err))
    files = [one for one in tmp_path.rglob("*") if stat.S_ISREG(one.stat().st_mode)]
    assert any(one.name == "recwatch-state.db" for one in files)
    for secret in (*CANARIES, password):
        assert not [one for one in outputs if secret in one[1] + one[2]]
        assert not [one.name for one in files if secret.encode() in one.read_bytes()]
    with closing(sqlite3.connect(tmp_path / "recwatch-state.db")) as connection:
        dump = "\n".join(connection.iterdump())
    assert "ctr {country=DE}" in dump
    assert not [secret for secret in CANARIES if secret in dump]


def test_a_run_ends_though_its_receivers_hang(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = "  - {name: gateway, type: pushgateway, url_env: TEAM_GATEWAY}\nrules:\n"
    (tmp_path / "rules.yml").write_text(RULE.replace("rules:\n", gateway, 1))
    for name in ("RUN", "_WATCHERS", "_DELIVERIES"):
        monkeypatch.setattr(f"alerts.runner.check.{name}", 1.0)
    days(empty, 100, 10)
    with fake_site(Reply(hang=30)) as pushed:
        monkeypatch.setenv("TEAM_GATEWAY", pushed.url)
        slack.replies[:] = [Reply(hang=30)]
        code, _, err = check()
        assert code == 4
        assert err.splitlines() == [
            "recwatch: receiver team: 1 not delivered: no answer before the run had to end",
            "receiver gateway: this run is not reported: no answer before the run had to end",
        ]
        slack.replies[:] = [UP]
        pushed.replies[:] = [Reply(202, b"")]
        code, out, err = check()
        assert (code, err) == (0, "")
        assert [one["text"] for one in slack.messages] == ["PAGE: ctr {country=DE}"]
        assert "as an earlier run had done" in out
        assert b"recwatch_deliveries_outstanding" in pushed.seen[-1].body
