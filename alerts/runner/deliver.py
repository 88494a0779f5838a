"""From messages that wait to deliveries, one receiver's trouble kept from the others."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerts.notify.message import Delivery, Parcel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from alerts.notify.message import Receiver
    from alerts.state.outbox import Outbox, Status, Waiting

# How long a run may take to deliver, in seconds.
DEADLINE = 60.0
# Of that, when the last message is handed out: the rest is there to hear what came of it.
_HANDING = 0.75
# After so many failed attempts it may be the message, not the receiver: the one behind it is tried.
_POISON = 3


@dataclass(frozen=True)
class Done:
    """A delivery that arrived: at which receiver, and whether an earlier run had sent it."""

    waiting: Waiting
    delivery: Delivery
    by: str
    found: bool = False


@dataclass(frozen=True)
class Left:
    """A delivery that did not arrive, and why; `final` says that no run will try it again."""

    waiting: Waiting
    detail: str
    final: bool = False


@dataclass(frozen=True)
class Report:
    """What a run delivered and what it did not, oldest first."""

    sent: tuple[Done, ...] = ()
    left: tuple[Left, ...] = ()


def dispatch(
    outbox: Outbox,
    receivers: Mapping[str, Receiver],
    fallbacks: Mapping[str, str],
    now: datetime,
    seconds: float = DEADLINE,
) -> Report:
    """Deliver all that waits, each receiver in a thread of its own, oldest first.

    The state says `inflight` before a receiver is given a message and what came of it right after.
    What an earlier run left in flight is looked for before it is sent again.

    Args:
        outbox: Of an open state whose lock this run holds.
        receivers: By name.
        fallbacks: Who takes what a receiver refuses, by the name of that receiver.
        now: Wall time, to be written.
        seconds: After that the run ends, whatever a receiver does; what it holds stays in flight.
    """
    return _Dispatch(outbox, receivers, fallbacks, now, seconds).run()


@dataclass(frozen=True)
class _Job:
    """What a thread is to do: send, or look first whether that was done."""

    parcel: Parcel
    look: bool


@dataclass(frozen=True)
class _Answer:
    """What came of a job."""

    by: str
    key: str
    delivery: Delivery
    found: bool


class _Dispatch:
    """One run. Only the thread that made it touches the state and this object."""

    def __init__(
        self,
        outbox: Outbox,
        receivers: Mapping[str, Receiver],
        fallbacks: Mapping[str, str],
        now: datetime,
        seconds: float,
    ) -> None:
        self._outbox = outbox
        self._receivers = receivers
        self._fallbacks = fallbacks
        self._now = now
        begun = time.monotonic()
        self._ends, self._last_handing = begun + seconds, begun + seconds * _HANDING
        self._waiting = {one.key: one for one in outbox.outstanding()}
        self._roots = outbox.get(one.root for one in self._waiting.values() if one.root)
        self._threads: dict[str, queue.SimpleQueue[_Job]] = {}
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._busy: dict[str, str] = {}
        # Receivers that cannot be reached, and those that refuse everything, with the reason.
        self._down: dict[str, str] = {}
        self._failures: Counter[str] = Counter()
        self._closed: dict[str, str] = {}
        self._refused: dict[str, set[str]] = {}
        self._over: dict[str, str] = {}
        self._final: list[str] = []
        self._sent: list[Done] = []

    def run(self) -> Report:
        """Hand out, hear what came of it, until nothing can be done or the time is over."""
        self._hand_out()
        while self._busy:
            try:
                answer = self._answers.get(timeout=max(0.0, self._ends - time.monotonic()))
            except queue.Empty:
                break
            self._hear(answer)
            self._hand_out()
        left = tuple(
            Left(one, self._reason(one), final=key in self._final)
            for key, one in self._waiting.items()
        )
        return Report(tuple(self._sent), left)

    def _hand_out(self) -> None:
        """To each receiver that is free the oldest message that can go to it."""
        handed = set(self._busy.values())
        for key, one in list(self._waiting.items()):
            if time.monotonic() >= self._last_handing:
                return
            if key in handed or key in self._over:
                continue
            target = self._target(one)
            if target is None or target in self._busy or target in self._down:
                continue
            if one.action == "edit" and not self._thread(one, target):
                self._skip(one, target)
                continue
            # Before the receiver has it: a run that dies now leaves a trace.
            self._outbox.hand(key, target, self._now)
            self._busy[target] = key
            look = one.status == "inflight"
            self._waiting[key] = replace(one, status="inflight", attempts=one.attempts + 1)
            self._thread_of(target).put(_Job(self._parcel(one, target), look))

    def _target(self, one: Waiting) -> str | None:
        """Who is to be given it now; None where nobody can be."""
        root = self._root(one)
        if root is not None and root.status in {"pending", "inflight"}:
            return None
        home = root.delivered_by if root is not None else one.receiver
        # What is in flight may have arrived there: that receiver is to be asked.
        name: str | None = one.delivered_by if one.status == "inflight" else home
        passed: set[str] = set()
        while name in self._closed or name in self._refused.get(one.key, ()):
            passed.add(str(name))
            name = self._fallbacks.get(str(name)) if one.action != "edit" else None
            if name in passed:
                return None
        return name if name in self._receivers else None

    def _root(self, one: Waiting) -> Waiting | None:
        """The message it belongs to, unless that never arrived and never will."""
        root = self._roots.get(one.root or "")
        return None if root is None or root.status == "refused" else root

    def _thread(self, one: Waiting, target: str) -> str:
        root = self._root(one)
        return root.reference if root is not None and root.delivered_by == target else ""

    def _parcel(self, one: Waiting, target: str) -> Parcel:
        """Without a thread at that receiver, an answer is a message of its own."""
        thread = self._thread(one, target)
        return Parcel(one.key, one.message, one.action if thread else "post", thread)

    def _skip(self, one: Waiting, target: str) -> None:
        """An edit of what cannot be found: the reply beside it says the same."""
        self._outbox.settle(one.key, Delivery("delivered", "nothing there to edit"), self._now)
        self._finish(one, target)

    def _hear(self, answer: _Answer) -> None:
        """Write what came of it, and decide who is tried next."""
        del self._busy[answer.by]
        one, delivery = self._waiting[answer.key], answer.delivery
        if delivery.outcome == "refused" and not delivery.uncertain:
            self._refuse(one, answer.by, delivery)
            return
        self._outbox.settle(one.key, delivery, self._now)
        if delivery.outcome == "delivered":
            self._failures[answer.by] = 0
            self._sent.append(Done(one, delivery, answer.by, answer.found))
            self._finish(one, answer.by, delivery.reference)
            return
        self._over[one.key] = delivery.detail
        self._failures[answer.by] += 1
        if one.attempts <= _POISON or self._failures[answer.by] > 1:
            self._down[answer.by] = delivery.detail

    def _refuse(self, one: Waiting, by: str, delivery: Delivery) -> None:
        """On to the fallback where there is one."""
        if delivery.blocks:
            self._closed[by] = delivery.detail
        self._refused.setdefault(one.key, set()).add(by)
        # Nothing is in flight any more.
        now_pending = replace(one, status="pending")
        target = self._target(now_pending)
        # Pending as long as somebody may take it.
        self._outbox.settle(
            one.key, replace(delivery, blocks=delivery.blocks or target is not None), self._now
        )
        self._waiting[one.key] = now_pending
        if target is None:
            self._over[one.key] = delivery.detail
            if not delivery.blocks:
                self._final.append(one.key)
                self._settle_root(one.key, "refused", by, "")

    def _finish(self, one: Waiting, by: str, reference: str = "") -> None:
        del self._waiting[one.key]
        self._settle_root(one.key, "sent", by, reference)

    def _settle_root(self, key: str, status: Status, by: str, reference: str) -> None:
        if key in self._roots:
            root = self._roots[key]
            self._roots[key] = replace(root, status=status, delivered_by=by, reference=reference)

    def _reason(self, one: Waiting) -> str:
        """Why it did not arrive."""
        if one.key in self._over:
            return self._over[one.key]
        if one.key in self._busy.values():
            return "no answer before the run had to end"
        root = self._root(one)
        if root is not None and root.key in self._waiting:
            return "it answers a message that did not arrive yet"
        return self._reason_of(root.delivered_by if root is not None else one.receiver)

    def _reason_of(self, receiver: str) -> str:
        """Why nothing goes there."""
        if receiver in self._down:
            return f"not tried after an earlier message failed: {self._down[receiver]}"
        if receiver in self._closed:
            return self._closed[receiver]
        if receiver not in self._receivers:
            return "the rule files name no such receiver any more"
        return "the run had to end before its turn"

    def _thread_of(self, name: str) -> queue.SimpleQueue[_Job]:
        """The queue of the receiver's thread, which is started when it is needed first."""
        if name not in self._threads:
            jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
            # A daemon: a receiver that hangs must not keep the program from ending.
            threading.Thread(
                target=_work,
                args=(name, self._receivers[name], jobs, self._answers),
                name=f"recwatch-{name}",
                daemon=True,
            ).start()
            self._threads[name] = jobs
        return self._threads[name]


def _work(
    name: str,
    receiver: Receiver,
    jobs: queue.SimpleQueue[_Job],
    answers: queue.SimpleQueue[_Answer],
) -> None:
    """A receiver's thread: job after job, until the program ends."""
    while True:
        job = jobs.get()
        found = None
        try:
            found = receiver.find(job.parcel) if job.look else None
            delivery = found or receiver.send(job.parcel)
        except Exception as error:  # noqa: BLE001 - a thread that died would be waited for in vain
            kind = type(error).__name__
            delivery = Delivery("retryable", f"recwatch failed ({kind})", uncertain=True)
        answers.put(_Answer(name, job.parcel.key, delivery, found is not None))
