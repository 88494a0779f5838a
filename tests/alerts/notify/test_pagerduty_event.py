"""What PagerDuty is sent: golden events for every kind, keys, limits."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notify import Alert
from alerts.notify.message import Kind, Severity
from alerts.notify.pagerduty_event import action, body, dedup_key
from alerts.notify.text import plain
from tests.alerts.notify.samples import FULL, HOSTILE, KINDS

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("kind", KINDS)
def test_golden_events(kind: Kind) -> None:
    alert = replace(FULL, kind=kind)
    made = {"event_action": action(alert), "dedup_key": dedup_key(alert), **body(alert)}
    file = GOLDEN / f"pagerduty-{kind}.json"
    if os.environ.get("RECWATCH_GOLDEN") == "write":
        file.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    assert made == json.loads(file.read_text())


@pytest.mark.parametrize(
    ("severity", "theirs"), [("page", "critical"), ("warn", "warning"), ("info", "info")]
)
def test_severities(severity: Severity, theirs: str) -> None:
    assert body(replace(FULL, severity=severity))["payload"]["severity"] == theirs


def test_an_episode_is_one_incident_and_what_cannot_be_judged_another() -> None:
    keys = {kind: dedup_key(replace(FULL, kind=kind)) for kind in KINDS}
    episode = f"{FULL.fingerprint}.3"
    for kind in ("firing", "repeated", "resolved", "restated"):
        assert keys[kind] == episode
    assert keys["unknown"] == keys["known"] == f"{episode}.unknown"
    assert dedup_key(replace(FULL, episode=4)) != episode
    assert max(map(len, keys.values())) <= 255


def test_links_of_the_playbook() -> None:
    alert = replace(FULL, playbook="See https://wiki.example/ctr. Also (<http://a.example/b>).")
    links = [link["href"] for link in body(alert)["links"]]
    assert links == ["https://wiki.example/ctr", "http://a.example/b"]
    assert "links" not in body(replace(FULL, playbook="Ask around."))


@pytest.mark.parametrize("filler", ["x", "\n", "\U0001f600", "é ", "http://a/"])
def test_forty_thousand_characters_fit(filler: str) -> None:
    long = (filler * 40_000)[:40_000]
    alert = Alert(long, "page", long, "f", ((long, long),) * 3, long, long, long, why=(long,) * 3)
    made = body(alert)
    assert 0 < len(made["payload"]["summary"]) <= 1_024
    assert len(json.dumps(made).encode()) < 512 * 1024


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_becomes_harmless(name: str, value: str) -> None:
    alert = Alert(name, "warn", value, "f", ((name, value),), value, value, value)
    payload = body(alert)["payload"]
    for text in (payload["summary"], *payload["custom_details"].values()):
        assert plain(text) == text
        assert "\x00" not in text


def test_a_hostile_name_stays_text() -> None:
    summary = body(HOSTILE.alerts[0])["payload"]["summary"]
    assert not {"\x1b", "\x00", "\u202e", "\u200b"} & set(summary)
