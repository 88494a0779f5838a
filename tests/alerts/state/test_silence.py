"""Silences: what they cover, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.errors import ConfigurationError
from alerts.state.silence import Silence, fits, parse_matchers, silenced

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOME = (("surface", "home"), ("country", "DE"))


def silence(**fields: Any) -> Silence:
    base: dict[str, Any] = {
        "id": "1",
        "author": "ada",
        "reason": "planned import",
        "matchers": (("rule", "ctr-floor"),),
        "starts": NOON,
        "ends": NOON + HOUR,
    }
    return Silence(**{**base, **fields})


@pytest.mark.parametrize(
    ("matchers", "covered"),
    [
        ((("rule", "ctr-floor"),), True),
        ((("rule", "ctr-*"),), True),
        ((("rule", "ctr"),), False),
        ((("rule", "CTR-FLOOR"),), False),
        ((("rule", "*"), ("surface", "home")), True),
        ((("rule", "*"), ("surface", "pdp")), False),
        ((("surface", "h?me"),), True),
        ((("variation", "*"),), False),
    ],
)
def test_every_matcher_must_hold(matchers: tuple[tuple[str, str], ...], covered: bool) -> None:
    found = silenced([silence(matchers=matchers)], "ctr-floor", HOME, NOON)
    assert (found is not None) == covered


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        (NOON - timedelta(microseconds=1), False),
        (NOON, True),
        (NOON + HOUR - timedelta(microseconds=1), True),
        (NOON + HOUR, False),
    ],
)
def test_a_silence_holds_from_its_start_to_before_its_end(now: datetime, holds: bool) -> None:
    assert (silenced([silence()], "ctr-floor", HOME, now) is not None) == holds


def test_of_several_the_one_that_lasts_longest_is_named() -> None:
    both = [silence(id="long", ends=NOON + 3 * HOUR), silence(id="short")]
    found = silenced(both, "ctr-floor", HOME, NOON)
    assert found is not None
    assert found.id == "long"


@pytest.mark.parametrize("value", ["a[b]c", "a.c", "a+c", "a\nc", "(none)"])
def test_only_star_and_question_mark_are_special(value: str) -> None:
    assert fits(value, value)
    assert fits(value, value[0] + "*")
    assert not fits("abc", "a.c")
    assert not fits("b", "[abc]")


@pytest.mark.parametrize(
    "wrong",
    [
        {"author": " "},
        {"reason": ""},
        {"matchers": ()},
        {"ends": NOON},
        {"starts": NOON.replace(tzinfo=None)},
    ],
)
def test_nobody_silences_without_name_reason_matcher_and_end(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        silence(**wrong)


def test_matchers_as_people_write_them() -> None:
    assert parse_matchers(["rule=ctr-*", "surface=a=b"]) == (("rule", "ctr-*"), ("surface", "a=b"))


@pytest.mark.parametrize("texts", [["rule"], ["=x"], ["rule="], ["a b=c"], ["rule=a", "rule=b"]])
def test_what_is_no_matcher_is_refused(texts: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        parse_matchers(texts)
