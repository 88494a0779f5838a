"""A receiver that is down for a day, and receivers that hang."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.notify.attempts import Patience
from alerts.runner.check import RUN
from alerts.state.store import open_state
from faults.services import HURRIED, Run, Servers, headline, texts
from faults.world import truth
from tests.alerts.notify.server import Reply

if TYPE_CHECKING:
    from faults.services import Slack

_NOW = datetime(2025, 6, 1, tzinfo=UTC)
_EVERY = timedelta(minutes=15)
_DOWN = Reply(503, b"<html>")
_UP = Reply()
# A run ends within that many seconds more than it may deliver for.
TO_END = 60.0 - RUN
# How long the servers that hang do, in seconds: longer than any run.
_HANGS = 90.0
_HANGING = {
    "no answer": Reply(hang=_HANGS),
    "a byte a second": Reply(trickle=1.0),
    "503, each time": _DOWN,
}


def down(runs: int, seed: int) -> dict[str, Any]:
    """Slack is down for so many runs, a quarter of an hour apart, then up again."""
    name = f"{seed}/down"
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="recwatch-down-"))
        servers = Servers.start(stack)
        run = Run(f"sqlite:///{place}/state.db", servers.urls, name, 0)
        servers.readable.replies[:] = [_DOWN]
        for number in range(runs):
            replace(run, day=number, now=_NOW + number * _EVERY)()
        missed = len(servers.readable.posted)
        served = {headline(one) for one in truth(name, runs - 1)} == {*servers.unreadable.posted}
        servers.readable.replies[:] = [_UP]
        left = replace(run, day=runs - 1, now=_NOW + runs * _EVERY)()
        with open_state(run.state, now=_NOW, locked=False) as store:
            told = texts(entry.transition for entry in store.history.find())
        return {
            "hours": runs * _EVERY / timedelta(hours=1),
            "waiting": len(told),
            "delivered": len(servers.readable.posted),
            "in order": servers.readable.posted == told,
            "others served meanwhile": served,
            "holds": not left
            and not missed
            and served
            and servers.readable.posted == told
            and len(told) > 0,
        }


def hung(seconds: float, seed: int) -> dict[str, Any]:
    """Runs of which one receiver hangs, each in its way: how long they take, who is served."""
    took: dict[str, float] = {}
    wrong: list[str] = []
    for way, reply in _HANGING.items():
        with ExitStack() as stack:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="recwatch-hung-"))
            servers = Servers.start(stack)
            state = f"sqlite:///{place}/state.db"
            hurried = Run(state, servers.urls, f"{seed}/hung", 0)
            hurried()
            run = replace(hurried, day=8, patience=Patience(pace=0), seconds=seconds)
            servers.readable.replies[:] = [reply]
            begun = time.monotonic()
            run()
            took[way] = time.monotonic() - begun
            expected = {headline(one) for one in truth(f"{seed}/hung", 8)}
            wrong += [way] if set(servers.unreadable.posted) != expected else []
            wrong += [way] if took[way] > seconds + TO_END else []
            wrong += _delivered_later(run, servers.readable, expected)
    return {
        "took": took,
        "longest": max(took.values()),
        "wrong": wrong,
        "holds": not wrong,
    }


def _delivered_later(run: Run, slack: Slack, expected: set[str]) -> list[str]:
    """The next run, with a server that answers, delivers what the one before could not."""
    slack.replies[:] = [_UP]
    left = replace(run, patience=HURRIED, seconds=60.0)()
    return ["lost"] if left or set(slack.posted) != expected else []
