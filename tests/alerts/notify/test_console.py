"""The terminal as a receiver."""

from dataclasses import replace

from alerts.notify import ConsoleReceiver, Delivery, Message
from tests.alerts.notify.samples import FULL, HOSTILE, SINGLE, many, parcel


def test_a_single_alert_is_told_in_full() -> None:
    said: list[str] = []
    assert ConsoleReceiver(said.append).send(parcel(SINGLE)) == Delivery("delivered")
    assert said[0].splitlines() == [
        "PAGE: ctr-floor {surface=home}",
        "  ctr 3.12 % < 4 % (clicks 312 / impressions 10,000)",
        "  severity: page",
        "  rule: ctr-floor",
        "  surface: home",
        "  value: 3.12 %",
        "  threshold: < 4 %",
        "  since: 2025-03-02",
        "  bucket: 2025-03-03",
        "  impressions: 10,000",
        "  Click-through rate of a surface below its minimum.",
        "  | Compare CTR by variation.",
        "  | Check the logging first.",
        "  $ recwatch check --rule ctr-floor --as-of 2025-03-04 --dry-run",
    ]


def said(message: Message) -> list[str]:
    heard: list[str] = []
    ConsoleReceiver(heard.append).send(parcel(message))
    return heard[0].splitlines()


def test_everything_an_alert_can_hold_is_told() -> None:
    lines = said(Message(FULL.title, "page", (replace(FULL, kind="resolved"),)))
    assert lines[1:4] == [
        "  Resolved",
        "  ctr 3.12 % < 4 % (clicks 312 / impressions 10,000)",
        "  ▅▆▆▅▇▂▁ 3.12 % to 4.61 %",
    ]
    start = lines.index("  what moved it:")
    assert lines[start + 1 : start + 4] == [f"    {line}" for line in FULL.why]
    assert lines[-3:-1] == [f"  ({note})" for note in FULL.notes]


def test_kinds_stand_under_headings() -> None:
    over = replace(FULL, kind="resolved", title="over")
    lines = said(Message("2 changed", "page", (over, FULL)))
    assert [line.split(":")[0] for line in lines] == [
        "2 changed",
        "  Firing (1)",
        "  ctr-floor {surface=home}",
        "  Resolved (1)",
        "  over",
    ]


def test_an_edit_is_not_printed_and_nothing_can_be_looked_for() -> None:
    heard: list[str] = []
    console = ConsoleReceiver(heard.append)
    assert not console.send(parcel(SINGLE, "edit")).failed
    assert heard == []
    assert console.find(parcel(SINGLE)) is None


def test_many_alerts_are_listed() -> None:
    said: list[str] = []
    ConsoleReceiver(said.append).send(parcel(many(12)))
    assert len(said[0].splitlines()) == 14
    assert said[0].endswith("$ recwatch check --dry-run")


def test_nothing_out_of_data_steers_the_terminal() -> None:
    said: list[str] = []
    ConsoleReceiver(said.append).send(parcel(HOSTILE))
    assert not {"\x1b", "\x00", "\u202e", "\u200b"} & set(said[0])
