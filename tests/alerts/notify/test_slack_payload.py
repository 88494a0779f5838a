"""What Slack is sent: golden payloads, limits, and nothing out of data that acts.

`RECWATCH_GOLDEN=write pytest tests/alerts/notify` writes the golden files anew.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notify import Alert, Message
from alerts.notify.message import Kind
from alerts.notify.slack_payload import BLOCKS, FIELD, HEADER, SECTION, payload
from alerts.notify.text import fit, mrkdwn, plain
from tests.alerts.notify.samples import ALERT, FULL, HOSTILE, KINDS, SINGLE, many

GOLDEN = Path(__file__).parent / "golden"


def told(kind: Kind) -> Message:
    return Message(FULL.title, FULL.severity, (replace(FULL, kind=kind),))


# As a run may have it: some begin, some end, one cannot be judged; the headline is the composer's.
MIXED = Message(
    "WARN: 2 alerts fire, 4 changed",
    "warn",
    tuple(
        replace(ALERT, title=f"rule-{place}", kind=kind, severity="info" if place else "warn")
        for place, kind in enumerate(
            ("firing", "resolved", "unknown", "firing", "restated", "repeated")
        )
    ),
    "recwatch check --dry-run",
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("single", SINGLE),
        ("hostile", HOSTILE),
        ("grouped", many(12)),
        ("mixed", MIXED),
        *((f"slack-{kind}", told(kind)) for kind in KINDS),
    ],
)
def test_golden_payloads(name: str, message: Message) -> None:
    file = GOLDEN / f"{name}.json"
    made = payload(message)
    if os.environ.get("RECWATCH_GOLDEN") == "write":
        file.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    assert made == json.loads(file.read_text())


def texts(content: Any) -> Iterator[dict[str, Any]]:
    """Every text object of a payload."""
    if isinstance(content, dict):
        if content.get("type") in {"mrkdwn", "plain_text"}:
            yield content
        for value in content.values():
            yield from texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from texts(value)


def blocks(message: Message) -> list[dict[str, Any]]:
    (attachment,) = payload(message)["attachments"]
    found: list[dict[str, Any]] = attachment["blocks"]
    return found


def size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def within_limits(message: Message) -> None:
    made = blocks(message)
    assert 0 < len(made) <= BLOCKS
    total = 0
    for block in made:
        if block["type"] == "header":
            assert 0 < size(block["text"]["text"]) <= HEADER
        if block["type"] == "section" and "text" in block:
            assert 0 < size(block["text"]["text"]) <= SECTION
        for entry in block.get("fields", []):
            assert 0 < size(entry["text"]) <= FIELD
        assert len(block.get("fields", [])) <= 10
        total += sum(size(text["text"]) for text in texts(block))
    assert total <= 10_000


def harmless(message: Message) -> None:
    for text in texts(blocks(message)):
        if text["type"] == "plain_text":
            assert text["emoji"] is False
            continue
        assert text["verbatim"] is not text["text"].startswith("*Playbook*\n")
        assert "<" not in text["text"]
        assert ">" not in text["text"]
        assert re.sub(r"&(amp|lt|gt);", "", text["text"]).count("&") == 0
        assert plain(text["text"]) == text["text"]


def test_no_mention_no_link_no_code_span_comes_out_of_data() -> None:
    harmless(HOSTILE)
    for text in texts(blocks(HOSTILE)):
        if text["type"] == "mrkdwn":
            assert text["text"].count("`") in {0, 2}
    assert "<!channel>" not in payload(HOSTILE)["text"]


@pytest.mark.parametrize("filler", ["x", "<", "&", "\n", "\U0001f600", "`", "word "])
def test_forty_thousand_characters_fit(filler: str) -> None:
    # One of a kind is that long; the others are long enough to be cut in the same place.
    long = (filler * 40_000)[:40_000]
    less = long[:2_000]
    facts = ((long, long), *((less, less),) * 29)
    alert = Alert(long, "page", "s" + long, "f", facts, long, "p" + long, long, "resolved")
    alert = replace(alert, trend=long, why=(long, *(less,) * 19), notes=(long, *(less,) * 19))
    within_limits(Message("h" + long, "page", (alert,)))
    other = replace(alert, title=less, summary="s" + less)
    within_limits(Message("h" + long, "page", (alert, *(other,) * 59), long))


def colour(*alerts: Alert) -> str:
    (attachment,) = payload(Message("h", "page", alerts))["attachments"]
    found: str = attachment["color"]
    return found


def test_the_colour_is_of_what_is_told() -> None:
    red, yellow, blue, green, grey = "#D00000", "#DAA038", "#439FE0", "#2EB886", "#8D8D8D"
    page = replace(ALERT, severity="page")
    info = replace(ALERT, severity="info")
    over = replace(page, kind="resolved")
    unknown = replace(page, kind="unknown")
    assert colour(page) == colour(info, page) == colour(over, page) == red
    assert colour(replace(ALERT, severity="warn"), over) == yellow
    assert colour(info, over, unknown) == colour(replace(info, kind="repeated")) == blue
    assert colour(over) == colour(over, replace(page, kind="known")) == green
    assert colour(unknown) == colour(over, unknown) == grey
    assert colour(replace(page, kind="restated")) not in {red, green, grey}


def test_kinds_stand_under_headings_what_burns_first() -> None:
    shown = blocks(MIXED)[1]["text"]["text"].splitlines()
    headings = [line for line in shown if not line.startswith("•")]
    assert headings == [
        "*Firing (2)*",
        "*Still firing (1)*",
        "*Cannot be judged (1)*",
        "*Restated: late data changed it (1)*",
        "*Resolved (1)*",
    ]
    assert [line[3:9] for line in shown if line.startswith("•")] == [
        f"rule-{place}" for place in (0, 3, 5, 2, 4, 1)
    ]


def test_a_kind_that_the_headline_says_is_not_said_twice() -> None:
    alert = replace(ALERT, kind="resolved")
    shown = json.dumps(payload(Message("RESOLVED: ctr-floor", "page", (alert,))))
    assert shown.lower().count("resolved") == 2  # the text of the notification, and the header
    assert "*Resolved*" in json.dumps(payload(Message("ctr-floor", "page", (alert,))))


@pytest.mark.parametrize("count", [2, 11, 60, 500])
def test_many_alerts_fit_and_what_is_left_out_is_counted(count: int) -> None:
    within_limits(many(count))
    shown = "\n".join(text["text"] for text in texts(blocks(many(count))))
    listed = shown.count("•")
    left = re.search(r"and (\d+) more", shown)
    assert listed + (int(left[1]) if left else 0) == count


@given(st.text(max_size=80), st.text(max_size=400), st.text(max_size=400))
def test_any_text_stays_harmless_and_within_limits(label: str, summary: str, book: str) -> None:
    alert = Alert(f"r {label}", "info", f"s {summary}", "f", ((f"k{label}", label),), "", book, "")
    message = Message(f"h {label}", "info", (alert,))
    within_limits(message)
    harmless(message)


@given(st.text(), st.integers(1, 30))
def test_cut_text_is_no_longer_than_asked_and_no_entity_is_cut(text: str, limit: int) -> None:
    cut = mrkdwn(text, limit)
    assert size(cut) <= limit
    assert re.sub(r"&(amp|lt|gt);", "", cut).count("&") == 0
    assert size(fit(text, limit)) <= limit


def test_a_lone_surrogate_can_be_sent() -> None:
    json.dumps(payload(Message("h \ud800", "info", (SINGLE.alerts[0],)))).encode()
    assert "\ud800" not in plain("\ud800")
