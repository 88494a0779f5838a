"""Trying to deliver: how often, how long, how fast, and what an exception means.

A socket's timeout starts anew with every byte, and the look-up of a host has none: an attempt
therefore runs in a thread of its own and is left behind when its time is over. No text of an
exception is passed on: it may hold an address or a secret.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import URLError

from alerts.notify.message import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")
# Kinds of failure by what they mean: nothing was sent, or nobody knows.
_UNSENT: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "the host name cannot be resolved"),
    (ssl.SSLError, "no secure connection: check the certificates and any proxy"),
)
_BROKEN: tuple[tuple[type[BaseException], str], ...] = (
    (HTTPException, "the connection broke before the answer was complete"),
    (ConnectionError, "the connection broke before the answer was complete"),
    (OSError, "no connection"),
    (ValueError, "the answer cannot be read"),
    (LookupError, "the answer cannot be read"),
    (AttributeError, "the answer cannot be read"),
)


@dataclass(frozen=True)
class Patience:
    """How long to try. All times in seconds.

    Attributes:
        attempts: At most so many for one message.
        timeout: Of one attempt, from the look-up of the host to the last byte of the answer.
        backoff: The first pause; each further one is twice as long.
        longest_wait: All pauses of a message together.
        longest: All attempts, look-ups and pauses of a message together.
        pace: Between the starts of two attempts in one channel. Slack takes one message a second.
    """

    attempts: int = 3
    timeout: float = 10
    backoff: float = 1.0
    longest_wait: float = 30.0
    longest: float = 40.0
    pace: float = 1.0


@dataclass(frozen=True)
class Answer:
    """One attempt: what came of it, and how many seconds the other side asks to wait."""

    delivery: Delivery
    wait: float | None = None


class Pace:
    """Keeps attempts apart; shared by all that go to the same place, in whatever thread."""

    def __init__(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._seconds = seconds
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = float("-inf")

    def keep(self) -> None:
        """Wait until the next attempt may start."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self._seconds
        if start > now:
            self._sleep(start - now)


class Persistence:
    """Repeats an attempt where that can help."""

    def __init__(
        self,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self._patience = patience
        self._sleep = sleep
        self._pace = pace

    def run(
        self,
        work: Callable[[], Answer],
        found: Callable[[], Delivery | None] = lambda: None,
    ) -> Delivery:
        """Try within the bounds of patience.

        Where an attempt may have arrived although it failed, `found` is asked before the next.
        """
        budget = _Budget(self._patience)
        uncertain = False
        attempt = 0
        while True:
            attempt += 1
            if self._pace is not None:
                self._pace.keep()
            answer = budget.timed(partial(attempted, work))
            uncertain |= answer.delivery.uncertain
            delivery = replace(answer.delivery, uncertain=uncertain)
            if delivery.outcome != "retryable":
                return answer.delivery
            wait = answer.wait or self._patience.backoff * 2 ** (attempt - 1)
            if not budget.has_room_for(wait):
                asked = f", asked to wait {answer.wait:.0f} s" if answer.wait else ""
                return replace(delivery, detail=delivery.detail + asked)
            if attempt >= self._patience.attempts:
                return delivery
            self._sleep(wait)
            budget.pause(wait)
            there = budget.timed(partial(looked_up, found)) if uncertain else None
            if there is not None or budget.over:
                return there or delivery


class _Budget:
    """What is left of the time for one message. Pauses count as asked for, not as measured."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._spent = 0.0
        self._paused = 0.0

    @property
    def over(self) -> bool:
        return self._spent >= self._patience.longest

    def has_room_for(self, wait: float) -> bool:
        limits = self._patience
        return self._paused + wait <= limits.longest_wait and self._spent + wait < limits.longest

    def pause(self, wait: float) -> None:
        self._paused += wait
        self._spent += wait

    def timed(self, work: Callable[[float], T]) -> T:
        """Run what takes the seconds it may, and count those it took."""
        started = time.monotonic()
        try:
            return work(min(self._patience.timeout, self._patience.longest - self._spent))
        finally:
            self._spent += time.monotonic() - started


def attempted(work: Callable[[], Answer], seconds: float) -> Answer:
    """What came of one attempt within its time; every exception becomes an answer."""
    made: list[Answer] = []

    def run() -> None:
        try:
            made.append(work())
        except Exception as error:  # noqa: BLE001 - a receiver reports, whatever happens
            made.append(failed(error, seconds))

    _beside(run, seconds)
    return made[0] if made else failed(TimeoutError(), seconds)


def looked_up(find: Callable[[], Delivery | None], seconds: float) -> Delivery | None:
    """What a look-up found within its time; None where it failed."""
    made: list[Delivery | None] = []

    def run() -> None:
        with suppress(Exception):
            made.append(find())

    _beside(run, seconds)
    return made[0] if made else None


def failed(error: BaseException, timeout: float) -> Answer:
    """An exception as an answer, in our words."""
    chain = list(_chain(error))
    if any(isinstance(one, TimeoutError) for one in chain):
        return broken(f"no answer within {timeout:g} s")
    for one in chain:
        for kind, words in _UNSENT:
            if isinstance(one, kind):
                return Answer(Delivery("retryable", words, blocks=True))
    for one in chain:
        for kind, words in _BROKEN:
            if isinstance(one, kind):
                return broken(words)
    return broken("the attempt failed for a reason this program does not know")


def broken(detail: str) -> Answer:
    """A failure after which the message may be there all the same."""
    return Answer(Delivery("retryable", detail, blocks=True, uncertain=True))


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """The seconds to wait, as a number or a date; None where the header says nothing usable.

    A date is held against the `Date` of the same answer, so that our clock has no part in it.
    """
    named = {name.lower(): _first(value) for name, value in headers.items()}
    text = named.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        seconds = (until - parsedate_to_datetime(named.get("date", ""))).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _first(value: Any) -> str:
    return str(value[0] if isinstance(value, list) and value else value).strip()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and those it comes from, as many as can matter."""
    one: BaseException | None = error
    for _ in range(10):
        if one is None:
            return
        yield one
        reason = one.reason if isinstance(one, URLError) else None
        one = reason if isinstance(reason, BaseException) else one.__cause__ or one.__context__


def _beside(run: Callable[[], None], seconds: float) -> None:
    """Run in a thread that is waited for so long, and that never keeps the program alive."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
