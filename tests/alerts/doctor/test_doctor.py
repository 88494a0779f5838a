"""`recwatch doctor`: each thing that can be wrong, found and named with what to do."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.cli import main
from alerts.notify.message import Alert, Message
from alerts.state.outbox import NewDelivery
from alerts.state.store import open_state
from alerts.warehouse import Target, open_warehouse
from tests.alerts.handmade import DAY_ONE, Marts, healthy, project
from tests.alerts.notify.samples import CANARY
from tests.alerts.notify.server import Reply, fake_slack

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
version: 1
receivers:
  - {name: team, type: slack, channel: "#team", token_env: TEAM_TOKEN}
rules:
  - {name: ctr, mart: analytics.engagement_daily, metric: ctr, by: [surface], when: "< 0.04",
     receiver: team}
  - {name: fresh, kind: freshness, mart: analytics.data_quality_daily, by: [source_table],
     when: "> 26h", receiver: team}
"""
RAW = """insert into raw.user_interactions (id, user_id, interaction_type, created_at, loaded_at)
    values (?, 'u', 'save', ?, ?)"""
REJECTED = """insert into raw.rejected_rows (source_table, file, line, reason, content, loaded_at)
    values ('user_interactions', 'f', 1, 'invalid_json', '{', ?)"""


@pytest.fixture
def marts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Marts:
    """Marts and raw tables that agree: two rows loaded just now, one of them rejected."""
    monkeypatch.chdir(tmp_path)
    for name in ("DBT_TARGET", "DBT_PROFILES_DIR", "DBT_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("RECWATCH_STATE_URL", "RECWATCH_GUARDRAILS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEAM_TOKEN", CANARY)
    monkeypatch.setenv("RECWATCH_RULES", "rules.yml")
    (tmp_path / "rules.yml").write_text(RULES)
    made = Marts(tmp_path / "marts.duckdb")
    project(tmp_path, made.path)
    made.daily(*healthy(3))
    target = Target("duckdb", "duckdb", {"type": "duckdb", "path": str(made.path)})
    with closing(open_warehouse(target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
    now = datetime.now(UTC)
    made.execute(RAW, [("a", now, now)])
    made.execute(REJECTED, [(now,)])
    number = (now.date() - DAY_ONE).days
    made.quality((number, "user_interactions", "accepted", 1, now))
    made.quality((number, "user_interactions", "invalid_json", 1, now))
    # A remark on a row that counts is no row of its own.
    made.quality((number, "user_interactions", "reason_count_wrong", 1, now))
    return made


class Ran:
    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, dict[str, list[dict[str, Any]]], str]:
        with pytest.raises(SystemExit) as ended:
            main(["doctor", "--json", *arguments])
        out, err = self.capfd.readouterr()
        assert CANARY not in out + err
        assert "Traceback" not in err
        assert isinstance(ended.value.code, int)
        by_subject: dict[str, list[dict[str, Any]]] = {}
        for one in json.loads(out)["findings"] if out else ():
            by_subject.setdefault(one["about"], []).append(one)
        return ended.value.code, by_subject, err


@pytest.fixture
def doctor(capfd: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capfd)


def test_where_all_is_well_it_says_so(marts: Marts, doctor: Ran) -> None:
    code, found, _ = doctor()
    assert code == 0
    assert list(found) == [
        "rules",
        "guardrails",
        "profile",
        "marts",
        "freshness",
        "loads",
        "state",
        "receivers",
    ]
    assert {one["health"] for many in found.values() for one in many} == {"ok"}
    assert "2 rows of 1 tables" in found["loads"][0]["found"]
    assert "the newest of 2025-03-05" in found["marts"][0]["found"]


def test_the_table_has_a_line_for_each_and_what_to_do(
    marts: Marts, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEAM_TOKEN")
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    out = capfd.readouterr().out
    assert ended.value.code == 0
    assert "✓ rules" in out
    assert "! receivers  receiver team: TEAM_TOKEN is not set" in out
    assert "→ set the variable where `recwatch` runs" in out


def test_a_row_that_no_build_has_counted_is_found(marts: Marts, doctor: Ran) -> None:
    late = datetime.now(UTC) - timedelta(days=3)
    marts.execute(RAW, [("b", late, late)])
    code, found, _ = doctor()
    (one,) = found["loads"]
    assert (code, one["health"]) == (3, "fail")
    assert f"user_interactions of {late.date()}: 1 rows, 0 counted" in one["found"]
    assert "dbt build --full-refresh" in one["todo"]


def test_a_row_loaded_since_the_last_build_is_no_trouble(marts: Marts, doctor: Ran) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    marts.execute(RAW, [("b", later, later)])
    assert doctor()[1]["loads"][0]["health"] == "ok"


def test_raw_tables_that_may_not_be_read_are_not_shown_as_fine(marts: Marts, doctor: Ran) -> None:
    marts.execute("alter table raw.user_interactions rename column loaded_at to somewhere_else")
    code, found, _ = doctor()
    assert (code, found["loads"][0]["health"]) == (0, "unknown")


def test_a_missing_column_and_a_missing_mart(marts: Marts, doctor: Ran) -> None:
    marts.execute("alter table analytics.engagement_daily drop column clicks")
    marts.execute("drop table analytics.data_quality_daily")
    code, found, _ = doctor()
    said = [one["found"] for one in found["marts"] if one["health"] == "fail"]
    assert code == 3
    assert said == [
        "analytics.engagement_daily has no column clicks",
        "analytics.data_quality_daily does not exist",
    ]
    assert {one["health"] for one in found["freshness"]} == {"unknown"}
    assert found["state"][0]["health"] == "ok"


def test_a_table_that_nothing_loads_is_stale(marts: Marts, doctor: Ran) -> None:
    old = datetime.now(UTC) - timedelta(days=4)
    number = (old.date() - DAY_ONE).days
    marts.execute(
        "insert into raw.sessions (session_id, user_id, started_at, loaded_at) "
        "values (?, 'u', ?, ?)",
        [("s", old, old)],
    )
    marts.quality((number, "sessions", "accepted", 1, old))
    code, found, _ = doctor()
    stale = [one for one in found["freshness"] if one["health"] == "warn"]
    assert (code, len(stale)) == (0, 1)
    assert stale[0]["found"].startswith("sessions: no load since")


def test_a_warehouse_that_is_not_there_keeps_nobody_from_the_rest(
    marts: Marts, doctor: Ran
) -> None:
    marts.path.unlink()
    code, found, _ = doctor()
    assert code == 3
    assert found["marts"][0]["health"] == "fail"
    assert found["state"][0]["health"] == "ok"
    assert found["receivers"][0]["health"] == "ok"


def test_a_rule_file_that_is_wrong_comes_first(marts: Marts, doctor: Ran, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text("version: 1\nrules:\n  - name: a\n    whn: 1\n")
    marts.path.unlink()
    code, found, _ = doctor()
    assert code == 2
    assert "rules.yml:4: unknown field 'whn'" in found["rules"][0]["found"]
    assert "receivers" not in found


def test_a_time_zone_that_is_none(marts: Marts, doctor: Ran, tmp_path: Path) -> None:
    project(tmp_path, marts.path, "reporting_timezone: Mars/Base")
    code, found, _ = doctor()
    assert code == 2
    assert found["marts"][0]["found"] == "no time zone 'Mars/Base': take a name such as UTC"
    assert found["state"][0]["health"] == "ok"


def test_a_damaged_state(marts: Marts, doctor: Ran, tmp_path: Path) -> None:
    (tmp_path / "recwatch-state.db").write_bytes(b"")
    code, found, _ = doctor()
    assert (code, found["state"][0]["health"]) == (6, "fail")
    assert "--init-state" in found["state"][0]["found"]


def test_messages_that_wait_are_counted(marts: Marts, doctor: Ran, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    message = Message("WARN: r", "warn", (Alert("r", "warn", "s", "f"),))
    with open_state(f"sqlite:///{tmp_path / 'recwatch-state.db'}", now=now) as store:
        store.commit_run([], [], [NewDelivery("team", message)] * 2, now)
    code, found, _ = doctor()
    assert code == 4
    assert found["state"][1]["found"].startswith("2 messages wait, since ")
    assert "receiver team" in found["state"][1]["todo"]


def test_send_reaches_the_receiver_and_says_when_it_does_not(
    marts: Marts, doctor: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_slack(Reply(), Reply.json({"ok": False, "error": "invalid_auth"})) as slack:
        monkeypatch.setenv("RECWATCH_SLACK_BASE_URL", slack.url)
        code, found, _ = doctor("--send")
        assert (code, found["receivers"][0]["found"]) == (0, "team: slack, took a test message")
        assert "TEST (info)" in json.dumps(slack.requests[0])
        code, found, _ = doctor("--send")
    assert (code, found["receivers"][0]["health"]) == (4, "fail")
    assert "invalid_auth" in found["receivers"][0]["found"]
