"""Runs started in pairs at the same moment: one works, the other says who does."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.state.lock import FileLock, Holder
from faults.inbox import serving
from faults.runs import BLIND, FINDABLE, Plan, processes, start
from faults.world import truth

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

_NOW = datetime(2025, 6, 1, tzinfo=UTC)
# Pairs on one state: then another world begins.
_A_WORLD = 50


def figure(n: int, seed: int) -> dict[str, object]:
    """`n` pairs of runs that start together on one state."""
    exits: Counter[tuple[int, ...]] = Counter()
    counted: Counter[str] = Counter()
    for world in range(0, n, _A_WORLD):
        with serving() as inbox, tempfile.TemporaryDirectory(prefix="recwatch-locks-") as place:
            name = f"{seed}/{world}"
            plan = partial(Plan, f"sqlite:///{place}/state.db", inbox.url, name)
            pairs = min(n - world, _A_WORLD)
            for day in range(pairs):
                _pair(plan, day, Path(place), exits, counted)
            # A pair may have ended before the other began; then both were first, one by one.
            start(plan(pairs - 1, _NOW)).join(60)
            for receiver in (FINDABLE, BLIND):
                copies = inbox.copies(receiver)
                counted["twice"] += copies.total() - len(copies)
                counted["lost"] += len(truth(name, pairs - 1) - set(copies))
    exact = set(exits) <= {(0, 0), (0, 5)}
    return {
        "promise": "two runs at once: 0 double sends; the loser exits 5 and names the holder",
        "pairs": n,
        "exits": {"/".join(map(str, codes)): times for codes, times in sorted(exits.items())},
        "sent_twice": counted["twice"],
        "lost": counted["lost"],
        "losers": counted["losers"],
        "named_the_holder": counted["named"],
        "holds": exact
        and not counted["twice"]
        and not counted["lost"]
        and counted["losers"] == counted["named"],
    }


def _pair(
    plan: partial[Plan],
    day: int,
    place: Path,
    exits: Counter[tuple[int, ...]],
    counted: Counter[str],
) -> None:
    """Two runs that wait for each other, then start."""
    together = processes().Barrier(2)
    says = [place / f"{day}-{n}.txt" for n in range(2)]
    pair = [start(plan(day, _NOW, says=str(file)), together) for file in says]
    for process in pair:
        process.join(60)
    codes = [process.exitcode if process.exitcode is not None else 99 for process in pair]
    exits[tuple(sorted(codes))] += 1
    for n, code in enumerate(codes):
        if code == 5:
            counted["losers"] += 1
            holder = f"recwatch check, process {pair[1 - n].pid} on "
            counted["named"] += holder in says[n].read_text(encoding="utf-8")


def freed(n: int, seed: int) -> dict[str, object]:
    """`n` runs killed while they hold the lock: how many of the next ones get it."""
    got = 0
    with tempfile.TemporaryDirectory(prefix="recwatch-locks-") as place:
        path = Path(place) / f"state-{seed}.db.lock"
        for _ in range(n):
            ready = processes().Event()
            process = processes().Process(target=_hold, args=(str(path), ready), daemon=True)
            process.start()
            ready.wait(60)
            process.kill()
            process.join(60)
            FileLock.take(path, "state", Holder.here("recwatch check", _NOW)).release()
            got += process.exitcode == -9
    return {
        "promise": "a killed holder frees the lock",
        "killed": n,
        "freed": got,
        "holds": got == n,
    }


def _hold(path: str, ready: Event) -> None:
    lock = FileLock.take(Path(path), "state", Holder.here("recwatch check", _NOW))
    ready.set()
    time.sleep(60)
    lock.release()
