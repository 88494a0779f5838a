"""The JSON of `recwatch check`: what is told of each result."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

import pytest

from alerts.detectors.episodes import State
from alerts.explain import Amount, split_ratio
from alerts.runner import Evaluation
from alerts.runner.document import Telling, document, ordered
from alerts.runner.inhibit import Suppressed
from alerts.runner.why import Why
from alerts.state.model import Episode, Outage, Record, Transition
from alerts.state.silence import Silence
from tests.alerts.runner.helpers import day, rule, ruleset
from tests.alerts.runner.test_messages import result

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2025, 3, 10, tzinfo=UTC)


def printed(telling: Telling | None = None, **fields: Any) -> dict[str, Any]:
    whole = document(Evaluation(None, (result(**fields),), ()), "t", [], [], telling)
    (one,) = json.loads(json.dumps(whole, allow_nan=False))["results"]
    assert isinstance(one, dict)
    return one


def test_without_a_memory_nothing_is_told() -> None:
    one = printed(Telling())
    assert {**one, **printed()} == one
    assert {name: one[name] for name in one if name not in printed()} == {
        "kind": None,
        "episode": None,
        "told": False,
        "why": None,
        "trend": "",
        "inhibited_by": [],
        "silenced_by": None,
        "notes": [],
    }


def test_what_is_told_is_named_with_its_reasons(tmp_path: Path) -> None:
    (loaded,) = ruleset(tmp_path, rule()).rules
    key = (("device", "ios"),), (("device", "web"),)
    before = {one: Amount(Fraction(50), Fraction(1000)) for one in key}
    now = {key[0]: Amount(Fraction(20), Fraction(1000)), key[1]: before[key[1]]}
    split = split_ratio(before, now)
    cause = result(rule="cause", fingerprint="c")
    silence = Silence("7", "ada", "import", (("rule", "r"),), NOW, NOW + timedelta(hours=1))
    telling = Telling(
        [Transition("f", "r", (), "warn", 3, "firing", day(4), told=False)],
        rules={"r": loaded},
        suppressed=Suppressed({"f": silence}, {"f": (cause,)}),
        why={"f": Why(("a line",), "", split, "against the week before")},
        notes={"f": ("a note",)},
    )
    one = printed(telling, recent=(0.05, 0.03))
    assert (one["kind"], one["episode"], one["told"]) == ("firing", 3, False)
    assert one["why"] == {
        "against": "against the week before",
        "lines": ["a line"],
        "note": "",
        "change": -0.015,
        "parts": [
            {"labels": {"device": "ios"}, "rate": -0.015, "mix": 0.0},
            {"labels": {"device": "web"}, "rate": 0.0, "mix": 0.0},
        ],
    }
    assert one["trend"] == "█▁ 3 % to 5 %, threshold < 4 %"
    assert one["inhibited_by"] == [
        {"rule": "cause", "labels": {"surface": "home"}, "fingerprint": "c"}
    ]
    assert one["silenced_by"] == {
        "id": "7",
        "author": "ada",
        "reason": "import",
        "ends": "2025-03-10T01:00:00Z",
    }
    assert one["notes"] == ["a note"]


def test_an_open_episode_is_named_though_nothing_happened() -> None:
    record = Record("f", "r", (), "warn", episode=Episode(5, day(1), day(2), told=True))
    assert printed(Telling(records={"f": record}), state="no_data")["episode"] == 5
    outage = replace(record, episode=None, outage=Outage(6, told=True))
    assert printed(Telling(records={"f": outage}))["episode"] == 6


def test_of_what_began_and_ended_in_one_run_the_end_is_told() -> None:
    both = [Transition("f", "r", (), "warn", 3, kind, None) for kind in ("firing", "resolved")]
    assert printed(Telling(both))["kind"] == "resolved"


@pytest.mark.parametrize("state", get_args(State))
def test_every_state_has_its_place(state: str) -> None:
    fine, one = result(state="ok"), result(state=state, rule="a")
    assert ordered([fine, one])[0] is one


def test_a_rule_that_could_not_be_asked_has_no_numbers() -> None:
    nothing = {"bucket": None, "since": None, "value": None, "until": None}
    one = printed(state="error", threshold=float("nan"), labels=(), **nothing)
    assert (one["state"], one["threshold"], one["value"]) == ("error", None, None)
