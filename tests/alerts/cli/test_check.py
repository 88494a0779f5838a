"""`recwatch check` as it is typed: output, exit codes, and a real server in Slack's place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from alerts.rules import load_rules
from alerts.rules.marts import MARTS
from alerts.rules.model import KINDS
from tests.alerts.handmade import Cell, Marts, project
from tests.alerts.notify.server import FakeSlack, Reply

if TYPE_CHECKING:
    from tests.alerts.cli.conftest import Ran

RESULT_KEYS = {
    "rule",
    "labels",
    "state",
    "severity",
    "bucket",
    "since",
    "value",
    "threshold",
    "baseline",
    "numerator",
    "denominator",
    "reason",
    "fingerprint",
    "kind",
    "episode",
    "told",
    "why",
    "trend",
    "inhibited_by",
    "silenced_by",
    "notes",
}

pytestmark = pytest.mark.usefixtures("surroundings")


def test_the_table_shows_what_fires_and_counts_what_is_fine(marts: Marts, check: Ran) -> None:
    code, out, err = check()
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["State", "Severity", "Rule", "Labels", "Bucket", "Since", "Why"]
    assert lines[1].split()[:6] == [
        "firing",
        "page",
        "ctr-floor",
        "surface=home",
        "2025-04-10",
        "2025-04-10",
    ]
    assert lines[1].rstrip().endswith("ctr 2 % < 4 % (clicks 20 / impressions 1,000)")
    assert [line.split()[:4] for line in lines[2:4] if line.startswith("pending")] == [
        ["pending", "warn", "ctr-anomaly", "surface=home"]
    ]
    (summary,) = (line for line in lines if line.startswith("1 firing, 1 pending, "))
    assert "ctr-floor 2, ctr-week-over-week 3" in summary
    assert "rules not judged: see the warnings." in summary
    assert "PAGE: ctr-floor {surface=home}" in out
    assert "$ recwatch check --rule ctr-floor --as-of 2025-04-11 --dry-run" in out
    warnings = err.splitlines()
    assert all(line.startswith("recwatch: warning: ") for line in warnings)
    # One line for each variable and each mart, not for each receiver and rule.
    assert (
        sum("SLACK_BOT_TOKEN is not set, so they write to the console" in w for w in warnings) == 1
    )
    empty = [line.split(", so not judged")[0] for line in warnings if "has no" in line]
    assert len(empty) == len(set(empty)) >= 7
    (intraday,) = (line for line in warnings if "personalization_intraday" in line)
    assert "so not judged: personalization-drop, reason-coverage" in intraday


def test_the_command_in_the_message_gives_the_same_alert(marts: Marts, check: Ran) -> None:
    _, first, _ = check("--dry-run")
    command = next(line for line in first.splitlines() if line.strip().startswith("$ recwatch"))
    marts.daily(Cell(40), Cell(41))
    _, again, _ = check(*command.split()[3:])
    assert "ctr 2 % < 4 % (clicks 20 / impressions 1,000)" in again
    assert command in again


def test_json_has_the_documented_keys(marts: Marts, check: Ran) -> None:
    document = check.json("--dry-run")
    assert list(document) == ["as_of", "target", "results", "notifications", "warnings"]
    assert (document["as_of"], document["target"]) == (None, "duckdb")
    assert all(set(result) == RESULT_KEYS for result in document["results"])
    first = document["results"][0]
    assert first == {
        **{name: first[name] for name in ("why", "trend")},
        "kind": "firing",
        "episode": 1,
        "told": True,
        "inhibited_by": [],
        "silenced_by": None,
        "notes": [],
        "rule": "ctr-floor",
        "labels": {"surface": "home"},
        "state": "firing",
        "severity": "page",
        "bucket": "2025-04-10",
        "since": "2025-04-10",
        "value": 0.02,
        "threshold": 0.04,
        "baseline": None,
        "numerator": 20,
        "denominator": 1000,
        "reason": "ctr 2 % < 4 % (clicks 20 / impressions 1,000)",
        "fingerprint": first["fingerprint"],
    }
    (notification,) = document["notifications"]
    assert notification == {
        "receiver": "engagement",
        "type": "console",
        "outcome": "dry_run",
        "headline": "PAGE: ctr-floor {surface=home}",
        "alerts": [first["fingerprint"]],
        "detail": "",
    }


def test_with_json_messages_of_the_console_go_to_stderr(marts: Marts, check: Ran) -> None:
    _, out, err = check("--json")
    assert json.loads(out)["notifications"][0]["outcome"] == "delivered"
    assert "PAGE: ctr-floor {surface=home}" in err


def test_nothing_is_shown_as_fine_without_data(marts: Marts, check: Ran) -> None:
    marts.surfaces([("home", True, 0.04, 5000), ("cart", True, 0.04, 5000)])
    _, out, _ = check("--rule", "dwell-floor")
    assert out.splitlines()[1].split()[:4] == ["no_data", "warn", "dwell-floor", "surface=cart"]
    assert "3 ok" not in out
    assert "PAGE" not in out


def test_as_of_and_rule(marts: Marts, check: Ran) -> None:
    quiet = check.json("--as-of", "2025-04-10", "--rule", "ctr-floor")
    assert quiet["as_of"] == "2025-04-10T00:00:00Z"
    assert {(r["rule"], r["state"]) for r in quiet["results"]} == {("ctr-floor", "ok")}
    at = check.json("--as-of", "2025-04-11T02:00:00+02:00", "--rule", "ctr-floor")
    assert at["results"][0]["state"] == "firing"
    now = check.json("--as-of", "now", "--rule", "ctr-floor", "--rule", "dwell-floor")
    assert {r["state"] for r in now["results"]} == {"no_data"}


@pytest.mark.parametrize("text", ["yesterday", "2025-13-01", "0001-01-01", "9999-12-31", ""])
def test_a_time_that_is_none(marts: Marts, check: Ran, text: str) -> None:
    code, _, err = check("--as-of", text)
    assert code == 2
    assert "write 2025-03-10, 2025-03-10T06:00:00Z or now" in err


def test_fail_on_firing(marts: Marts, check: Ran) -> None:
    assert check("--fail-on-firing")[0] == 1
    assert check("--fail-on-firing", "--dry-run", "--json")[0] == 1
    assert check("--fail-on-firing", "--rule", "dwell-floor")[0] == 0


def test_the_reporting_time_zone_is_the_project_s(marts: Marts, check: Ran, tmp_path: Path) -> None:
    as_of = ("--as-of", "2025-04-10T22:30:00Z", "--rule", "ctr-floor")
    assert check.json(*as_of)["results"][0]["state"] == "ok"
    project(tmp_path, marts.path, "reporting_timezone: Europe/Berlin")
    assert check.json(*as_of)["results"][0]["state"] == "firing"


def test_wrong_usage_is_exit_two(marts: Marts, check: Ran, tmp_path: Path) -> None:
    assert check("--rule", "ctr-flor")[::2] == (
        2,
        "recwatch: no rule 'ctr-flor': did you mean 'ctr-floor'?\n",
    )
    assert check("--nonsense")[0] == 2
    assert check("--rules", "none.yml")[2] == "recwatch: none.yml: cannot be read: " + (
        "No such file or directory\n"
    )
    (tmp_path / "bad.yml").write_text("version: 1\nrules:\n  - name: a\n    whn: 1\n")
    code, _, err = check("--rules", "bad.yml")
    assert code == 2
    assert "bad.yml:4: unknown field 'whn': did you mean 'when'?" in err
    assert check("--target", "nowhere")[0] == 2


def test_what_cannot_be_read_is_exit_three(marts: Marts, check: Ran) -> None:
    marts.execute("drop table analytics.ctr_weekly")
    code, out, _ = check()
    assert code == 0
    assert "analytics.ctr_weekly does not exist" in " ".join(out.split())
    code, out, err = check("--rule", "ctr-week-over-week")
    assert (code, out) == (3, "")
    assert "analytics.ctr_weekly" in err
    assert "dbt build" in err
    marts.path.unlink()
    code, out, err = check()
    assert (code, out) == (3, "")
    assert "marts.duckdb" in err


def test_strict_wants_the_secret_before_anything_is_evaluated(check: Ran, tmp_path: Path) -> None:
    project(tmp_path, tmp_path / "missing.duckdb")
    code, out, err = check("--strict")
    assert (code, out) == (2, "")
    assert "SLACK_BOT_TOKEN is not set" in err


def test_what_fires_reaches_slack(low: Marts, slack: FakeSlack, check: Ran) -> None:
    code, out, err = check("--strict")
    assert (code, err) == (0, "")
    assert out.count("Sent to team (slack): PAGE: ctr {country=") == 2
    assert [request["channel"] for request in slack.requests] == ["#team", "#team"]
    text = json.dumps(slack.requests[0])
    for part in ("country", "DE", "1 %", "&lt; 4 %", "2025-03-03", "2025-03-04", "1,000"):
        assert part in text
    assert "Look at the logs." in text
    assert "recwatch check --rule ctr --as-of 2025-03-05 --dry-run" in text


def test_a_dry_run_sends_nothing(low: Marts, slack: FakeSlack, check: Ran) -> None:
    code, out, _ = check("--dry-run")
    assert code == 0
    assert "Would send to team (slack):\nPAGE: ctr {country=DE}" in out
    assert check.json("--dry-run")["notifications"][0]["outcome"] == "dry_run"
    assert slack.requests == []


def test_a_hostile_label_stays_text_everywhere(low: Marts, slack: FakeSlack, check: Ran) -> None:
    evil = "[red]<!channel>`x`\u202e\x1b[2J"
    low.daily(*(Cell(n, clicks=10, country=evil) for n in range(3)))
    _, out, _ = check()
    assert "[red]<!channel>`x`" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    sent = json.dumps(slack.requests, ensure_ascii=False)
    assert "&lt;!channel&gt;'x'" in sent
    labels = [result["labels"]["country"] for result in check.json("--dry-run")["results"]]
    assert evil in labels


def test_many_alerts_are_one_message(low: Marts, slack: FakeSlack, check: Ran) -> None:
    low.daily(*(Cell(n, clicks=10, country=f"c{c}") for n in range(3) for c in range(30)))
    assert check()[0] == 0
    (request,) = slack.requests
    assert request["text"] == "PAGE: 32 alerts fire"


def test_an_undelivered_message_is_exit_four(low: Marts, slack: FakeSlack, check: Ran) -> None:
    slack.replies[:] = [Reply.json({"ok": False, "error": "channel_not_found"})]
    code, out, err = check("--fail-on-firing")
    assert code == 4
    assert err == "recwatch: receiver team: 2 not delivered: channel_not_found\n"
    assert "firing" in out
    slack.replies[:] = [Reply(503, b"<html>")]
    code, out, err = check("--json")
    assert code == 4
    assert [n["outcome"] for n in json.loads(out)["notifications"]] == ["retryable", "retryable"]
    assert "receiver team: 2 not delivered: HTTP 503" in err
    assert slack.url not in out + err


def test_flags_of_the_call_are_in_the_command(low: Marts, check: Ran) -> None:
    _, out, _ = check("--dry-run", "--rules", "rules.yml", "--target", "duckdb")
    assert "--as-of 2025-03-05 --rules rules.yml --target duckdb --dry-run" in out


def test_help_says_what_each_option_does(check: Ran) -> None:
    code, out, _ = check("--help")
    assert code == 0
    for option in ("--rules", "--as-of", "--dry-run", "--json", "--fail-on-firing", "--strict"):
        assert option in out


def test_nothing_heavy_is_imported(marts: Marts) -> None:
    script = (
        "import sys\nfrom alerts.cli import main\n"
        "try:\n    main(['check', '--dry-run'])\nexcept SystemExit: pass\n"
        "heavy = {'pandas', 'scipy', 'dbt', 'slack_sdk'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


def test_the_documentation_names_every_key_field_and_mart(marts: Marts, check: Ran) -> None:
    text = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
    document = check.json("--dry-run")
    words = {*document, *RESULT_KEYS, *document["notifications"][0], *MARTS, *KINDS}
    for model in KINDS.values():
        words |= {info.alias or name for name, info in model.model_fields.items()}
    for mart in MARTS.values():
        words |= {*mart.labels, *mart.metrics}
    written = set(re.findall(r"[A-Za-z0-9_.]+", " ".join(re.findall(r"`([^`\n]+)`", text))))
    assert words - written == set()


def test_the_example_in_the_documentation_is_sound(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
    (tmp_path / "example.yml").write_text(text.split("```yaml\n")[1].split("```")[0])
    assert load_rules([tmp_path / "example.yml"]).rules[0].name == "pdp-ctr-germany"
