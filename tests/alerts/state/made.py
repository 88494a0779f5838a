"""Observations, transitions and messages as tests need them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from alerts.notify.message import Alert, Message
from alerts.state import Observation, Policy, Record, Step, Stretch, step
from alerts.state.store import NewDelivery

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
BEGIN = date(2025, 3, 1)
POLICY = Policy(repeat_interval=timedelta(days=2), no_data_after=3)


def day(number: int) -> date:
    return BEGIN + timedelta(days=number)


def stretch(first: int, last: int, *, is_open: bool = False) -> Stretch:
    return Stretch(day(first), day(first), day(last), is_open)


def seen(state: Any, newest: int | None, *episodes: Stretch, **more: Any) -> Observation:
    """What an evaluation says when `newest` is the newest complete day."""
    values: dict[str, Any] = {
        "fingerprint": "f1",
        "rule": "ctr-floor",
        "labels": (("surface", "home"),),
        "severity": "page",
        "at": None if newest is None else day(newest + 1),
        "bucket": None if newest is None else day(newest),
        "begins": day(0),
        "reason": "CTR 2.1 %",
        "value": 0.021,
    }
    return Observation(state=state, episodes=episodes, **{**values, **more})


def run(*observations: Observation | tuple[Observation, str]) -> list[Step]:
    """The steps of these evaluations, one after the other; a text beside one suppresses it."""
    record: Record | None = None
    steps = []
    for one in observations:
        observation, why = one if isinstance(one, tuple) else (one, "")
        steps.append(step(record, observation, POLICY, why))
        record = steps[-1].record
    return steps


def said(one: Step) -> list[tuple[str, int, bool]]:
    return [(each.kind, each.episode, each.told) for each in one.transitions]


def message(text: str = "CTR", fingerprint: str = "f1", episode: int = 1) -> Message:
    alert = Alert(text, "page", f"{text} is low", fingerprint, episode=episode)
    return Message(f"PAGE: {text}", "page", (alert,))


def new(receiver: str = "slack", text: str = "CTR", **more: Any) -> NewDelivery:
    return NewDelivery(receiver, message(text), **more)
