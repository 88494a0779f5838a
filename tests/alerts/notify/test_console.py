"""The terminal as a receiver."""

from alerts.notify import ConsoleReceiver, Delivery
from tests.alerts.notify.samples import HOSTILE, SINGLE, many, parcel


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


def test_many_alerts_are_listed() -> None:
    said: list[str] = []
    ConsoleReceiver(said.append).send(parcel(many(12)))
    assert len(said[0].splitlines()) == 14
    assert said[0].endswith("$ recwatch check --dry-run")


def test_nothing_out_of_data_steers_the_terminal() -> None:
    said: list[str] = []
    ConsoleReceiver(said.append).send(parcel(HOSTILE))
    assert not {"\x1b", "\x00", "\u202e", "\u200b"} & set(said[0])
