"""The figures of `make faults`, smaller: real processes, killed and started in pairs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from faults import kills, locks
from faults.inbox import serving
from faults.runs import FINDABLE
from faults.world import truth

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20_250_301
COLD = """
import sys
from datetime import UTC, datetime
from faults.runs import Plan, perform
perform(Plan(sys.argv[1], sys.argv[2], "cold", 8, datetime(2025, 6, 1, tzinfo=UTC)))
"""


def test_no_transition_is_lost_to_kills_at_random_moments() -> None:
    measured = kills.figure(40, SEED)
    assert measured["holds"], measured
    assert measured["lost"] == 0
    assert measured["kills"] == 40


def test_no_transition_is_lost_to_kills_between_accept_and_commit() -> None:
    measured = kills.between(20, SEED)
    assert measured["holds"], measured
    assert measured["kills_while_delivering"] == 20
    # Else the kills came too late to prove anything.
    copies = measured["copies"]
    assert isinstance(copies, dict)
    assert copies["blind"] > 0


def test_of_two_runs_at_once_one_works_and_the_other_names_it() -> None:
    measured = locks.figure(20, SEED)
    assert measured["holds"], measured
    losers = measured["losers"]
    assert isinstance(losers, int)
    assert losers > 0


def test_a_killed_holder_frees_the_lock() -> None:
    assert locks.freed(3, SEED)["holds"]


def test_a_program_killed_from_a_cold_start_is_made_up_for(tmp_path: Path) -> None:
    state = f"sqlite:///{tmp_path}/state.db"
    with serving() as inbox:
        first = [sys.executable, "-c", COLD.replace("8", "0", 1), state, inbox.url]
        again = [sys.executable, "-c", COLD, state, inbox.url]
        subprocess.run(first, check=True, timeout=60)
        inbox.on_accept = lambda pid: os.kill(pid, 9)
        killed = subprocess.run(again, check=False, timeout=60)
        assert killed.returncode == -9
        inbox.on_accept = None
        subprocess.run(again, check=True, timeout=60)
        assert set(inbox.copies(FINDABLE)) == truth("cold", 8)
        assert set(inbox.copies(FINDABLE).values()) == {1}
