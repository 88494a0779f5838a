"""docs/alerting.md says what the code does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import get_args

from alerts.cli.silence import LONGEST
from alerts.cli.state import STATE_FILE
from alerts.notify.message import Kind
from alerts.runner import pause
from alerts.runner.check import RUN
from alerts.runner.compose import GROUP_ABOVE
from alerts.runner.observe import DAILY, INTRADAY, WAREHOUSE
from alerts.state.model import Policy, State
from alerts.state.store import RETENTION
from alerts.state.tables import SCHEMA
from faults.page import sections

PAGE = (Path(__file__).parents[3] / "docs" / "alerting.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())


def first_column(heading: str) -> set[str]:
    table = PAGE.split(heading)[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {re.findall(r"`(\w+)`", row)[0] for row in rows}


def test_states_and_kinds() -> None:
    assert first_column("| state | when |") - {"ok"} == set(get_args(State)) - {"normal"}
    assert first_column("| kind | when |") == set(get_args(Kind))


def test_numbers() -> None:
    assert (timedelta(hours=24), timedelta(hours=4)) == (DAILY, INTRADAY)
    assert "24 h for marts of days and weeks, else 4 h" in WORDS
    assert f"({Policy().no_data_after} unless the rule says otherwise)" in WORDS
    assert f"at most {LONGEST.days} days away" in WORDS
    assert f"kept for {RETENTION} days" in WORDS
    assert f"{pause.MINIMUM_USERS} users at least" in WORDS
    assert GROUP_ABOVE == 10
    assert "More than ten alerts" in WORDS
    assert RUN < 60


def test_names() -> None:
    for name in (STATE_FILE, SCHEMA, f"rule={WAREHOUSE}", pause.USER, pause.PASSWORD):
        assert name in WORDS


def test_the_body_of_the_webhook_has_its_keys() -> None:
    body = json.loads(PAGE.split("```json\n")[1].split("```")[0])
    source = Path(pause.__file__).read_text(encoding="utf-8").split("def _body")[1]
    assert list(body) == re.findall(r'"(\w+)": ', source.split("return")[0])


def test_the_figures_are_those_that_are_measured() -> None:
    full = {one.name: one.measure for one in sections(small=False)}
    numbers = {name: getattr(measure, "args", ())[0] for name, measure in full.items()}
    assert numbers["kills"] == numbers["locks"] == 1000
    assert (numbers["accepted"], numbers["histories"]) == (200, 10_000)
    assert numbers["down"] * timedelta(minutes=15) == timedelta(hours=24)
    for text in ("1,000 SIGKILLs", "in 200 between", "1,000 pairs", "10,000 random", "24 hours"):
        assert text in WORDS
