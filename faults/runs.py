"""A run of the alerting as a process of its own: evaluate, step, commit, deliver.

The processes are forked from one that has imported everything, so that a thousand of them start in
seconds; each is a process like any other, with its own connection, lock and threads.
"""

from __future__ import annotations

import multiprocessing
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.errors import RecwatchError
from alerts.notify.message import Alert, Message
from alerts.runner.deliver import dispatch
from alerts.state import advance
from alerts.state.store import NewDelivery, Store, open_state
from faults.inbox import HttpReceiver
from faults.world import POLICY, RULE, observations

if TYPE_CHECKING:
    from datetime import datetime
    from multiprocessing.context import ForkServerProcess
    from multiprocessing.synchronize import Barrier

    from alerts.state import Transition

FINDABLE, BLIND = "findable", "blind"


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes:
        state: URL of the state.
        inbox: URL of the server that takes the messages.
        seed: Of the world.
        day: Newest day of the world.
        now: Wall time that the run believes in.
        seconds: How long it may deliver.
        says: File for the error it ends with.
    """

    state: str
    inbox: str
    seed: str
    day: int
    now: datetime
    seconds: float = 60.0
    says: str = ""


def processes() -> multiprocessing.context.ForkServerContext:
    """Where runs come from."""
    context = multiprocessing.get_context("forkserver")
    # Also what is otherwise imported when it is first used.
    context.set_forkserver_preload(["faults.runs", "sqlalchemy.dialects.sqlite"])
    return context


def start(plan: Plan, together: Barrier | None = None) -> ForkServerProcess:
    """Start a run; with a barrier it begins when the others do."""
    process = processes().Process(target=perform, args=(plan, together), daemon=True)
    process.start()
    return process


def perform(plan: Plan, together: Barrier | None = None) -> None:
    """The run itself; its exit code is the program's: 0, 4, 5 or 6."""
    if together is not None:
        together.wait(30)
    try:
        outstanding = once(plan)
    except RecwatchError as error:
        if plan.says:
            Path(plan.says).write_text(str(error), encoding="utf-8")
        sys.exit(error.exit_code)
    sys.exit(4 if outstanding else 0)


def once(plan: Plan) -> int:
    """One run; gives how many deliveries are outstanding after it."""
    with open_state(plan.state, now=plan.now, command="recwatch check") as store:
        seen = observations(plan.seed, plan.day)
        done = advance(store.records(), seen, {RULE: POLICY}, complete=True)
        new = [
            delivery
            for transition in done.transitions
            if transition.told
            for delivery in _deliveries(store, transition)
        ]
        store.commit_run(done.records, done.transitions, new, plan.now)
        receivers = {
            name: HttpReceiver(plan.inbox, name, findable=name == FINDABLE)
            for name in (FINDABLE, BLIND)
        }
        return len(dispatch(store.outbox, receivers, {}, plan.now, plan.seconds).left)


def _deliveries(store: Store, transition: Transition) -> list[NewDelivery]:
    """A message for each receiver, in the thread of the first about its episode."""
    since = transition.since.isoformat() if transition.since else ""
    alert = Alert(
        title=f"{transition.rule} {transition.fingerprint}",
        severity=transition.severity,
        summary=transition.kind,
        fingerprint=transition.fingerprint,
        facts=(("since", since),),
        kind=transition.kind,
        episode=transition.episode,
    )
    message = Message(alert.title, alert.severity, (alert,))
    found = []
    for name in (FINDABLE, BLIND):
        root = store.outbox.root(alert.fingerprint, alert.episode, name)
        found.append(NewDelivery(name, message, "reply" if root else "post", root))
    return found
