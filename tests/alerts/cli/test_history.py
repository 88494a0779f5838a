"""`recwatch history`: what happened, told or not, by rule, label and time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.alerts.cli.test_check_state import days

if TYPE_CHECKING:
    from pathlib import Path

    from tests.alerts.cli.conftest import Ran
    from tests.alerts.handmade import Marts
    from tests.alerts.notify.server import FakeSlack

pytestmark = pytest.mark.usefixtures("surroundings")
KEYS = {
    "recorded",
    "at",
    "kind",
    "rule",
    "labels",
    "severity",
    "fingerprint",
    "episode",
    "since",
    "value",
    "reason",
    "told",
    "because",
    "suppressed",
}


@pytest.fixture
def happened(empty: Marts, slack: FakeSlack, check: Ran) -> None:
    """Two countries, day by day: one falls and rises, one rises and falls."""
    for count in range(1, 5):
        days(empty, *(100, 10, 10, 100)[:count])
        days(empty, *(10, 100, 100, 10)[:count], country="FR")
        assert check()[0] == 0


def told(history: Ran, *arguments: str) -> list[tuple[str, str, str]]:
    entries = history.json(*arguments)["entries"]
    return [(one["at"], one["labels"]["country"], one["kind"]) for one in entries]


ALL = [
    ("2025-03-04", "FR", "firing"),
    ("2025-03-05", "DE", "firing"),
    ("2025-03-05", "FR", "resolved"),
    ("2025-03-06", "DE", "repeated"),
    ("2025-03-07", "DE", "resolved"),
    ("2025-03-07", "FR", "firing"),
]


@pytest.mark.usefixtures("happened")
def test_everything_that_happened_in_its_order(history: Ran) -> None:
    assert told(history) == ALL
    first = history.json()["entries"][0]
    assert set(first) == KEYS
    assert (first["rule"], first["severity"], first["episode"]) == ("ctr", "page", 1)
    assert (first["since"], first["value"], first["told"]) == ("2025-03-03", 0.01, True)
    assert first["reason"] == "ctr 1 % < 4 % (clicks 10 / impressions 1,000)"
    assert re.fullmatch(r"[0-9a-f]{64}", first["fingerprint"])
    age = datetime.now(UTC) - datetime.fromisoformat(first["recorded"])
    assert 0 <= age.total_seconds() < 3600


@pytest.mark.usefixtures("happened")
def test_it_is_narrowed_by_rule_label_and_time(history: Ran) -> None:
    assert told(history, "--label", "country=DE") == [one for one in ALL if one[1] == "DE"]
    assert told(history, "--rule", "ctr") == ALL
    assert told(history, "--rule", "other") == []
    assert told(history, "--from", "2025-03-05", "--to", "2025-03-07") == ALL[1:4]
    assert told(history, "--from", "2025-03-05T00:00:01Z", "--to", "2025-03-07") == ALL[3:4]
    assert told(history, "--limit", "2") == ALL[-2:]
    assert told(history, "--limit", "2", "--label", "country=FR") == [ALL[2], ALL[5]]


@pytest.mark.usefixtures("happened")
def test_it_is_printed_with_a_line_for_each(history: Ran) -> None:
    _, out, _ = history()
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["At", "What", "Severity", "Alert", "Since", "Told", "Why"]
    assert [(line[0], line[4].strip("{}").split("=")[1], line[1]) for line in lines[1:]] == ALL
    assert {line[6] for line in lines[1:]} == {"yes"}


def test_a_state_in_which_nothing_happened(empty: Marts, history: Ran, check: Ran) -> None:
    assert history()[:2] == (0, "Nothing happened, as far as this state knows.\n")
    assert history.json()["entries"] == []
    days(empty, 100)
    check()
    assert history()[1] == "Nothing happened, as far as this state knows.\n"


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "yesterday"), "write 2025-03-10 or 2025-03-10T06:00:00Z"),
        (("--to", "1969-12-31"), "write 2025-03-10 or 2025-03-10T06:00:00Z"),
        (("--from", "2025-03-10", "--to", "2025-03-10"), "--to must be after --from"),
        (("--from", "2025-03-10T06:00Z", "--to", "2025-03-10"), "--to must be after --from"),
        (("--label", "country"), "write NAME=VALUE"),
        (("--label", "=DE"), "write NAME=VALUE"),
        (("--label", "country=DE", "--label", "country=FR"), "given twice"),
        (("--limit", "0"), "--limit"),
        (("--state", "mysql://x/y"), "sqlite:///FILE or postgresql://"),
    ],
)
def test_wrong_usage(history: Ran, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = history(*arguments)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.usefixtures("empty")
def test_a_state_that_is_none(history: Ran, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be one\n" * 100)
    code, out, err = history("--state", "sqlite:///notes.txt")
    assert (code, out) == (6, "")
    assert "notes.txt" in err
    assert (tmp_path / "notes.txt").read_text().startswith("not a database")
