"""Runs killed by SIGKILL: no transition is lost, and at most one message more for each kill."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from faults.inbox import Inbox, kill, serving
from faults.runs import BLIND, FINDABLE, Plan, start
from faults.world import truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.world import Told

    Killer = Callable[["Moment", Plan], int]

# Kills on one state: the world ends after so many, and another begins.
_A_WORLD = 50
# What the clock of a run may be off by: two hours back, five days forward.
_CLOCKS = (timedelta(0), timedelta(0), timedelta(hours=-2), timedelta(days=5))
_NOW = datetime(2025, 6, 1, tzinfo=UTC)


@dataclass
class Count:
    """What is counted over all worlds."""

    kills: int = 0
    midway: int = 0
    told: int = 0
    lost: int = 0
    copies: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)


@dataclass
class Moment:
    """What a killer goes by: the server, random numbers, how long a run takes in seconds."""

    inbox: Inbox
    random: Random
    took: float = 0.0


def figure(n: int, seed: int) -> dict[str, object]:
    """`n` SIGKILLs at random moments of a run."""
    count = _measure(n, seed, _at_random)
    return _result("SIGKILL at random moments: no transition lost", count, n)


def between(n: int, seed: int) -> dict[str, object]:
    """`n` SIGKILLs after a receiver took a message and before the run could write that down."""
    count = _measure(n, seed, _at_acceptance)
    return _result("SIGKILL between accept and commit: no transition lost", count, n)


def _result(promise: str, count: Count, n: int) -> dict[str, object]:
    copies = {name: count.copies[name] for name in (FINDABLE, BLIND)}
    return {
        "promise": f"{promise}; a copy more at most for each kill, none where it can be looked up",
        "kills": count.kills,
        "kills_while_delivering": count.midway,
        "told": count.told,
        "lost": count.lost,
        "copies": copies,
        "exits": {str(code): times for code, times in sorted(count.exits.items())},
        "holds": count.kills >= n
        and count.lost == 0
        and copies[FINDABLE] == 0
        and copies[BLIND] <= count.kills
        and set(count.exits) <= {0, -9},
    }


def _measure(n: int, seed: int, killer: Killer) -> Count:
    count = Count()
    world = 0
    # A run may end before its kill; so many worlds are enough even if two of three did.
    while count.kills < n and world < 3 * (n // _A_WORLD + 1):
        with serving() as inbox, tempfile.TemporaryDirectory(prefix="recwatch-kills-") as place:
            name = f"{seed}/{world}"
            plan = partial(Plan, f"sqlite:///{place}/state.db", inbox.url, name)
            moment = Moment(inbox, Random(name))  # noqa: S311 - not for secrets
            day = _one_world(plan, moment, min(n - count.kills, _A_WORLD), killer, count)
            _judge(truth(name, day), inbox, count)
        world += 1
    return count


def _one_world(
    plan: Callable[[int, datetime], Plan], moment: Moment, wanted: int, killer: Killer, count: Count
) -> int:
    """Kill so many runs of a world, let the last one end; gives the day it then is."""
    random = moment.random
    # The process that all others are forked from starts with the first.
    with tempfile.TemporaryDirectory(prefix="recwatch-kills-") as elsewhere:
        for _ in range(3):
            _undisturbed(replace(plan(0, _NOW), state=f"sqlite:///{elsewhere}/state.db"), moment)
    day, kills = 0, 0
    for turn in range(4 * wanted):
        # The first runs find no state and create it. Later, sometimes the same day comes again, as
        # a scheduler would try once more after a failure.
        day += random.choice([0, 1, 1, 2]) if turn > 2 else 0
        before = len(moment.inbox.taken)
        code = killer(moment, plan(day, _NOW + random.choice(_CLOCKS)))
        count.midway += code == -9 and len(moment.inbox.taken) > before
        count.exits[code] += 1
        kills += code == -9
        if turn == 2:
            count.exits[_undisturbed(plan(day, _NOW), moment)] += 1
        if kills == wanted:
            break
    count.exits[_undisturbed(plan(day, _NOW), moment)] += 1
    count.kills += kills
    return day


def _judge(expected: set[Told], inbox: Inbox, count: Count) -> None:
    """What arrived against what had to."""
    for name in (FINDABLE, BLIND):
        copies = inbox.copies(name)
        count.told += len(expected)
        count.lost += len(expected - set(copies))
        count.copies[name] += copies.total() - len(set(copies) & expected)


def _undisturbed(plan: Plan, moment: Moment) -> int:
    """A run that nobody kills, timed; gives its exit code."""
    begun = time.monotonic()
    process = start(plan)
    process.join(60)
    moment.took = time.monotonic() - begun
    return process.exitcode or 0


def _at_random(moment: Moment, plan: Plan) -> int:
    process = start(plan)
    # Of a run that has nothing to deliver; others take longer.
    process.join(moment.random.uniform(0, 2.5 * moment.took))
    process.kill()
    process.join(60)
    return process.exitcode or 0


def _at_acceptance(moment: Moment, plan: Plan) -> int:
    """Before the answer, or in the moment after it, when the run is about to write it down."""
    inbox = moment.inbox
    if moment.random.random() < 0.5:
        inbox.on_accept = kill
    else:
        inbox.after_answer = kill
    process = start(plan)
    process.join(60)
    inbox.on_accept = inbox.after_answer = None
    return process.exitcode or 0
