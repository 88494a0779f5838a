"""`recwatch check` again and again: what it remembers, and what it says of it in Slack."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.state import store as stores
from tests.alerts.cli.conftest import RULE
from tests.alerts.handmade import Cell, Marts, project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.alerts.cli.conftest import Ran
    from tests.alerts.notify.server import FakeSlack

pytestmark = pytest.mark.usefixtures("surroundings")
LOADED = datetime(2025, 3, 5, 2, tzinfo=UTC)


def days(marts: Marts, *clicks: int, begin: int = 0, country: str = "DE") -> None:
    """A day for each number of clicks of a thousand, and one after them that has only begun."""
    counts = [*clicks, 100]
    marts.execute(
        "delete from analytics.engagement_daily where country = ? and day >= ?",
        [(country, Cell(begin).date)],
    )
    marts.daily(*(Cell(begin + n, clicks=c, country=country) for n, c in enumerate(counts)))


def texts(slack: FakeSlack) -> list[str]:
    """What was posted and edited, in order."""
    return [request["text"] for request in slack.requests]


def methods(slack: FakeSlack) -> list[str]:
    return [path.rsplit("/", 1)[-1] for path in slack.paths]


def kinds(history: Ran, *arguments: str) -> list[tuple[str, bool]]:
    return [(one["kind"], one["told"]) for one in history.json(*arguments)["entries"]]


def test_it_is_told_once(empty: Marts, slack: FakeSlack, check: Ran, history: Ran) -> None:
    days(empty, 100, 10)
    assert check()[0] == 0
    assert texts(slack) == ["PAGE: ctr {country=DE}"]
    code, out, err = check()
    assert (code, err) == (0, "")
    assert "firing" in out
    assert "Sent" not in out
    assert len(slack.requests) == 1
    assert kinds(history) == [("firing", True)]
    (result,) = check.json()["results"]
    assert (result["state"], result["kind"], result["episode"]) == ("firing", None, 1)


def test_it_is_repeated_after_a_day_of_data_and_not_of_the_clock(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path
) -> None:
    (tmp_path / "rules.yml").write_text(f"{RULE}    repeat_interval: 2d\n")
    days(empty, 100, 10)
    check()
    days(empty, 100, 10, 10)
    check()
    assert len(slack.requests) == 1
    days(empty, 100, 10, 10, 10)
    check()
    check()
    assert texts(slack)[1:] == ["Still firing: ctr {country=DE}"]
    first = slack.messages[0]["ts"]
    assert slack.messages[1]["thread_ts"] == first
    days(empty, 100, 10, 10, 10, 10, 10)
    check()
    assert [one.get("thread_ts") for one in slack.messages] == [None, first, first]


def test_its_end_answers_in_the_thread_and_edits_the_first_message(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 10)
    check()
    days(empty, 100, 10, 100)
    code, out, _ = check()
    assert code == 0
    # The edit says the same and is not mentioned.
    assert out.count("Sent to team (slack)") == 1
    assert "Sent to team (slack): Resolved: ctr {country=DE}" in out
    assert methods(slack) == ["chat.postMessage", "chat.postMessage", "chat.update"]
    first, answer = slack.messages
    assert answer["thread_ts"] == first["ts"]
    assert answer["text"] == first["text"] == "Resolved: ctr {country=DE}"
    assert "from 2025-03-04 to 2025-03-05 (1d)" in json.dumps(answer)
    check()
    assert len(slack.requests) == 3
    assert kinds(history) == [("firing", True), ("resolved", True)]


def test_it_fires_again_in_a_thread_of_its_own(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    for clicks in ((10,), (10, 100), (10, 100, 10), (10, 100, 10, 100)):
        days(empty, 100, *clicks)
        check()
    roots = [one for one in slack.messages if "thread_ts" not in one]
    answers = [one["thread_ts"] for one in slack.messages if "thread_ts" in one]
    assert len(roots) == 2
    assert answers == [one["ts"] for one in roots]
    assert [one["episode"] for one in history.json()["entries"]] == [1, 1, 2, 2]


def test_late_rows_that_reverse_a_verdict_restate_it(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 10)
    check()
    days(empty, 100, 100)
    check()
    assert texts(slack)[1:] == ["Restated: ctr {country=DE}"] * 2
    first, answer = slack.messages
    assert answer["thread_ts"] == first["ts"]
    assert "late rows changed what was told" in json.dumps(answer)
    assert kinds(history) == [("firing", True), ("restated", True)]


def test_an_end_is_restated_too(empty: Marts, slack: FakeSlack, check: Ran) -> None:
    for clicks in ((100, 10), (100, 10, 100), (100, 100, 100)):
        days(empty, *clicks)
        check()
    assert [one["text"] for one in slack.messages] == [
        "Restated: ctr {country=DE}",
        "Resolved: ctr {country=DE}",
        "Restated: ctr {country=DE}",
    ]


def test_an_episode_between_two_runs_is_told(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 100)
    check()
    days(empty, 100, 100, 10, 100)
    _, out, _ = check()
    assert texts(slack) == [
        "PAGE: ctr {country=DE}",
        "Resolved: ctr {country=DE}",
        "Resolved: ctr {country=DE}",
    ]
    assert [one.get("thread_ts") for one in slack.messages] == [None, slack.messages[0]["ts"]]
    assert "it began and ended between two evaluations" in json.dumps(slack.requests[0])
    assert [one["because"] for one in history.json()["entries"]] == ["passed", "passed"]
    assert out.count("Sent to team (slack)") == 2


def test_what_late_rows_make_in_the_past_is_recorded_and_wakes_nobody(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 100, 100)
    check()
    days(empty, 100, 10, 100)
    check()
    assert slack.requests == []
    assert kinds(history) == [("firing", False), ("resolved", False)]
    assert "late rows made it in the past" in " ".join(history()[1].split())


def test_a_dry_run_leaves_no_trace(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path
) -> None:
    days(empty, 100, 10)
    assert "Would send to team" in check("--dry-run")[1]
    assert not list(tmp_path.glob("recwatch-state*"))
    assert check()[0] == 0
    before = (tmp_path / "recwatch-state.db").read_bytes()
    # It says what would be sent if nothing had been told, and does not wait for the lock.
    with stores.open_state("sqlite:///recwatch-state.db", now=LOADED, command="recwatch check"):
        assert "Would send to team" in check("--dry-run")[1]
    assert (tmp_path / "recwatch-state.db").read_bytes() == before
    assert len(slack.requests) == 1


def test_a_run_of_one_rule_ends_nothing_of_another(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path
) -> None:
    other = RULE.split("rules:\n")[1].replace("name: ctr", "name: other").replace("page", "warn")
    (tmp_path / "rules.yml").write_text(RULE + other)
    days(empty, 100, 10)
    check("--rule", "ctr")
    assert texts(slack) == ["PAGE: ctr {country=DE}"]
    check("--rule", "other")
    assert texts(slack)[1:] == ["WARN: other {country=DE}"]
    check()
    assert len(slack.requests) == 2


def test_the_alert_of_a_rule_that_is_gone_ends(
    empty: Marts, slack: FakeSlack, check: Ran, tmp_path: Path
) -> None:
    days(empty, 100, 10)
    check()
    (tmp_path / "rules.yml").write_text(RULE.replace("name: ctr", "name: click-rate"))
    check()
    assert sorted(texts(slack)[1:]) == [
        "PAGE: click-rate {country=DE}",
        "Resolved: ctr {country=DE}",
        "Resolved: ctr {country=DE}",
    ]
    (answer,) = (one for one in slack.messages if one.get("thread_ts"))
    assert answer["thread_ts"] == slack.messages[0]["ts"]
    assert "no longer in the rule file" in json.dumps(answer)


def test_a_table_that_is_late_holds_back_what_is_made_of_it(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran, tmp_path: Path
) -> None:
    (tmp_path / "rules.yml").write_text(
        f"""{RULE}    inhibited_by: [{{rule: loads}}]
  - name: loads
    kind: freshness
    mart: analytics.data_quality_daily
    by: [source_table]
    when: "> 26h"
    severity: warn
    receiver: team
"""
    )
    days(empty, 100, 10, 10)
    empty.quality((0, "personalization_metrics", "accepted", 100, LOADED))
    late = (LOADED + timedelta(hours=30)).isoformat()
    _, out, _ = check("--as-of", late)
    assert "[held back by loads {source_table=personalization_metrics}]" in " ".join(out.split())
    assert texts(slack) == ["WARN: loads {source_table=personalization_metrics}"]
    assert "holds back 1 alert: ctr {country=DE}" in json.dumps(slack.requests[0])
    by_rule = {one["rule"]: one for one in check.json("--as-of", late)["results"]}
    assert [one["rule"] for one in by_rule["ctr"]["inhibited_by"]] == ["loads"]
    assert by_rule["loads"]["inhibited_by"] == []
    entries = history.json("--rule", "ctr")["entries"]
    assert [(one["kind"], one["told"]) for one in entries] == [("firing", False)]
    assert entries[0]["suppressed"] == "held back by loads {source_table=personalization_metrics}"
    # The rows came, and it fires all the same: it is told late, and says so.
    empty.quality((1, "personalization_metrics", "accepted", 100, LOADED + timedelta(hours=31)))
    check("--as-of", (LOADED + timedelta(hours=32)).isoformat())
    assert "PAGE: ctr {country=DE}" in texts(slack)
    assert "told late: it was held back until now" in json.dumps(slack.requests)


def test_a_clock_that_jumps_tells_nothing_twice_and_ends_nothing(
    empty: Marts, slack: FakeSlack, check: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    days(empty, 100, 10)

    def at(now: datetime) -> tuple[int, str, str]:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return now.astimezone(tz)

        for module in ("alerts.cli.check", "alerts.cli.state"):
            monkeypatch.setattr(f"{module}.datetime", Clock)
        return check()

    now = datetime(2025, 3, 5, 12, tzinfo=UTC)
    for jump in (timedelta(0), timedelta(hours=-2), timedelta(days=5), timedelta(0)):
        code, _, err = at(now + jump)
        assert (code, err) == (0, "")
    assert texts(slack) == ["PAGE: ctr {country=DE}"]
    days(empty, 100, 10, 100)
    at(now - timedelta(hours=2))
    assert texts(slack)[1:] == ["Resolved: ctr {country=DE}"] * 2


def test_an_earlier_as_of_changes_nothing(
    empty: Marts, slack: FakeSlack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 10, 10)
    check()
    code, _, err = check("--as-of", "2025-03-04")
    assert code == 0
    assert "judged through 2025-03-06 before: nothing changed, nothing is sent" in err
    assert len(slack.requests) == 1
    assert kinds(history) == [("firing", True)]


def test_the_state_lies_beside_the_project_wherever_it_is_called_from(
    empty: Marts,
    slack: FakeSlack,
    check: Ran,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days(empty, 100, 10)
    check()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    rules = str(tmp_path / "rules.yml")
    check("--project-dir", str(tmp_path), "--rules", rules)
    assert len(slack.requests) == 1
    check("--project-dir", str(tmp_path), "--rules", rules, "--state", "sqlite:///own.db")
    assert len(slack.requests) == 2
    assert (elsewhere / "own.db").exists()
    project(elsewhere, empty.path)
