"""`recwatch silence`: what is held back, for how long, and what is told when it ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.alerts.cli.test_check_state import days, kinds, texts

if TYPE_CHECKING:
    from tests.alerts.cli.conftest import Ran
    from tests.alerts.handmade import Marts
    from tests.alerts.notify.server import FakeSlack

pytestmark = pytest.mark.usefixtures("surroundings")
WHY = ("--reason", "banner test", "--author", "ada")


def passes(monkeypatch: pytest.MonkeyPatch, time: timedelta) -> None:
    """The clock is ahead by so much from now on."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + time

    for module in ("check", "state", "silence"):
        monkeypatch.setattr(f"alerts.cli.{module}.datetime", Clock)


def test_what_is_silenced_is_told_at_its_end_if_it_still_fires(
    low: Marts,
    slack: FakeSlack,
    check: Ran,
    silence: Ran,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, out, _ = silence("add", "rule=ctr", "country=D*", "--for", "4h", *WHY)
    assert code == 0
    assert "rule=ctr, country=D*" in out
    _, out, _ = check()
    assert "[silenced by ada until 20" in " ".join(out.split())
    assert texts(slack) == ["PAGE: ctr {country=FR}"]
    of_silence = {one["labels"]["country"]: one for one in check.json()["results"]}
    assert of_silence["FR"]["silenced_by"] is None
    assert of_silence["DE"]["silenced_by"]["author"] == "ada"
    assert of_silence["DE"]["silenced_by"]["reason"] == "banner test"
    passes(monkeypatch, timedelta(hours=5))
    check()
    check()
    assert texts(slack) == ["PAGE: ctr {country=FR}", "PAGE: ctr {country=DE}"]
    assert "told late: it was held back until now" in json.dumps(slack.requests[1])


def test_what_is_over_before_the_silence_is_told_to_nobody(
    empty: Marts, slack: FakeSlack, check: Ran, silence: Ran, history: Ran
) -> None:
    days(empty, 100, 10)
    silence("add", "rule=*", "--for", "1d", *WHY)
    check()
    days(empty, 100, 10, 100)
    check()
    silence("end", "1")
    check()
    assert slack.requests == []
    assert kinds(history) == [("firing", False), ("resolved", False)]
    assert "silenced by ada until" in " ".join(history()[1].split())


def test_who_was_told_before_the_silence_is_told_of_the_end(
    empty: Marts, slack: FakeSlack, check: Ran, silence: Ran
) -> None:
    days(empty, 100, 10)
    check()
    silence("add", "rule=ctr", "--for", "1d", *WHY)
    days(empty, 100, 10, 10, 10)
    check()
    assert len(slack.requests) == 1
    days(empty, 100, 10, 10, 10, 100)
    check()
    assert texts(slack)[1:] == ["Resolved: ctr {country=DE}"] * 2


def test_marts_that_cannot_be_read_are_silenced_too(
    empty: Marts, slack: FakeSlack, check: Ran, silence: Ran, history: Ran
) -> None:
    days(empty, 100, 100)
    check()
    silence("add", "rule=(warehouse)", "--for", "1d", *WHY)
    empty.path.rename(empty.path.with_name("away.duckdb"))
    for _ in range(4):
        assert check()[0] == 3
    assert slack.requests == []
    assert kinds(history) == [("unknown", False)]
    silence("end", "1")
    assert check()[0] == 3
    assert texts(slack) == ["Cannot be judged: (warehouse) {target=duckdb}"]


def test_a_series_without_rows_is_silenced_too(
    empty: Marts, slack: FakeSlack, check: Ran, silence: Ran
) -> None:
    days(empty, 100, 10)
    days(empty, 100, 100, country="FR")
    check()
    silence("add", "country=DE", "--for", "1d", *WHY)
    empty.execute("delete from analytics.engagement_daily where country = 'DE'")
    for _ in range(4):
        check()
    assert len(slack.requests) == 1
    silence("end", "1")
    check()
    assert texts(slack)[1:] == ["Cannot be judged: ctr {country=DE}"]


def test_silences_are_listed(empty: Marts, silence: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    assert silence("list")[1] == "Nothing is silenced.\n"
    silence("add", "rule=ctr", "--for", "2h", *WHY)
    silence("add", "country=DE", "--for", "1h", "--from", later(30), *WHY)
    _, out, _ = silence("list")
    rows = [line.split()[:2] for line in out.splitlines()[1:]]
    assert rows == [["1", "rule=ctr"], ["2", "country=DE"]]
    passes(monkeypatch, timedelta(hours=3))
    content = json.loads(silence("list", "--json")[1])
    assert [one["number"] for one in content["silences"]] == ["2"]
    everything = json.loads(silence("list", "--all", "--json")[1])["silences"]
    assert [one["matchers"] for one in everything] == [{"rule": "ctr"}, {"country": "DE"}]
    assert set(everything[0]) == {"number", "author", "reason", "matchers", "starts", "ends"}


def later(days_from_now: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days_from_now)).isoformat()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rule=ctr", *WHY), "needs an end: either --for or --until"),
        (("rule=ctr", "--for", "1h", "--until", "2090-01-01", *WHY), "either --for or --until"),
        (("rule=ctr", "--for", "91d", *WHY), "90 days at most: change the rule instead"),
        (("rule=ctr", "--until", "2020-01-01", *WHY), "must end after it starts"),
        (("rule=ctr", "--for", "0h", *WHY), "0h"),
        (("rule=ctr", "--for", "soon", *WHY), "soon"),
        (("rule=ctr", "--until", "soon", *WHY), "write 2025-03-10 or"),
        (("ctr", "--for", "1h", *WHY), "'ctr' is no matcher"),
        (("rule=a", "rule=b", "--for", "1h", *WHY), "given twice"),
        (("rule=ctr", "--for", "1h", "--reason", " ", "--author", "ada"), "author and a reason"),
        (("rule=ctr", "--for", "1h", "--author", "ada"), "--reason"),
        (("--for", "1h", *WHY), "NAME=PATTERN"),
    ],
)
def test_a_silence_that_nobody_could_answer_for_is_refused(
    empty: Marts, silence: Ran, arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = silence("add", *arguments)
    assert code == 2
    assert words in err
    assert silence("list", "--all")[1] == "Nothing is silenced.\n"


@pytest.mark.parametrize("number", ["7", "seven", "-1", "1; drop table silences"])
def test_a_silence_that_does_not_exist_cannot_end(empty: Marts, silence: Ran, number: str) -> None:
    silence("add", "rule=ctr", "--for", "1h", *WHY)
    code, _, err = silence("end", "--", number)
    assert code == 2
    assert "silence" in err
    assert "rule=ctr" in silence("list")[1]
