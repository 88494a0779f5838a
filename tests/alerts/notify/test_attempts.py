"""Trying again: bounds, look-ups, and what becomes of exceptions."""

import http.client
import socket
import ssl
import threading
from functools import partial
from urllib.error import URLError

import pytest

from alerts.notify import Delivery
from alerts.notify.attempts import (
    Answer,
    Pace,
    Patience,
    Persistence,
    attempted,
    failed,
    looked_up,
    retry_after,
)
from tests.alerts.notify.samples import CANARY
from tests.alerts.notify.server import Naps

THERE = Delivery("delivered", reference="there")
UNSURE = Answer(Delivery("retryable", "broke", uncertain=True))
SURE = Answer(Delivery("retryable", "refused", blocks=True))
FINE = Answer(Delivery("delivered"))


class Script:
    """Answers in order, the last for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self) -> Answer:
        self.calls += 1
        return self.answers[min(self.calls, len(self.answers)) - 1]


def test_what_may_have_arrived_is_looked_for_before_it_is_sent_again() -> None:
    script = Script(UNSURE, FINE)
    assert Persistence(Patience(), Naps().sleep).run(script, lambda: THERE) == THERE
    assert script.calls == 1


def test_what_cannot_have_arrived_is_not_looked_for() -> None:
    script = Script(SURE, FINE)
    assert Persistence(Patience(), Naps().sleep).run(script, lambda: THERE) == FINE.delivery
    assert script.calls == 2


def test_one_uncertain_attempt_makes_the_whole_uncertain() -> None:
    delivery = Persistence(Patience(), Naps().sleep).run(Script(UNSURE, SURE))
    assert delivery == Delivery("retryable", "refused", blocks=True, uncertain=True)
    delivery = Persistence(Patience(), Naps().sleep).run(Script(SURE))
    assert not delivery.uncertain


def test_a_look_up_that_fails_found_nothing() -> None:
    def fails() -> Delivery:
        raise KeyError(CANARY)

    assert looked_up(fails, 5) is None
    script = Script(UNSURE, FINE)
    assert Persistence(Patience(), Naps().sleep).run(script, fails) == FINE.delivery


def test_a_look_up_that_hangs_ends_with_the_time_there_is() -> None:
    done = threading.Event()
    patience = Patience(timeout=0.2, longest=1)
    persistence = Persistence(patience, Naps().sleep)
    delivery = persistence.run(Script(UNSURE), lambda: THERE if done.wait(60) else None)
    done.set()
    assert delivery.outcome == "retryable"


@pytest.mark.parametrize("error", [RuntimeError(CANARY), RecursionError(), MemoryError(CANARY)])
def test_whatever_is_raised_becomes_an_answer_without_its_text(error: Exception) -> None:
    def work() -> Answer:
        raise error

    delivery = attempted(work, 5).delivery
    assert (delivery.outcome, delivery.blocks, delivery.uncertain) == ("retryable", True, True)
    assert CANARY not in repr(delivery)


@pytest.mark.parametrize(
    ("error", "words", "uncertain"),
    [
        (URLError(ConnectionRefusedError()), "connection refused", False),
        (URLError(socket.gaierror(CANARY)), "the host name cannot be resolved", False),
        (URLError(ssl.SSLError(CANARY)), "no secure connection: check the certificates", False),
        (ConnectionResetError(CANARY), "the connection broke before the answer", True),
        (http.client.IncompleteRead(b""), "the connection broke before the answer", True),
        (URLError(TimeoutError()), "no answer within 7 s", True),
        (OSError(CANARY), "no connection", True),
        (UnicodeDecodeError("utf-8", b"", 0, 1, CANARY), "the answer cannot be read", True),
    ],
)
def test_words_for_failures(error: Exception, words: str, uncertain: bool) -> None:
    delivery = failed(error, 7).delivery
    assert delivery.detail.startswith(words)
    assert delivery.uncertain is uncertain
    assert CANARY not in repr(delivery)
    # The same where a library raised its own because of it.
    outer = RuntimeError(CANARY)
    outer.__cause__ = error
    assert failed(outer, 7).delivery == delivery


def test_a_pace_is_kept_across_threads() -> None:
    naps = Naps()
    pace = Pace(1_000.0, naps.sleep)
    threads = [threading.Thread(target=pace.keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One goes at once, each of the others a turn after the one before it.
    assert sorted(round(nap, -3) for nap in naps.taken) == [1_000, 2_000, 3_000]


def waits(event: threading.Event) -> Answer:
    event.wait(60)
    return FINE


def test_an_attempt_left_behind_does_not_keep_the_program_alive() -> None:
    done = threading.Event()
    before = set(threading.enumerate())
    assert attempted(partial(waits, done), 0.01).delivery.uncertain
    left = set(threading.enumerate()) - before
    assert [thread.daemon for thread in left] == [True]
    done.set()
    for thread in left:
        thread.join()


def test_with_no_time_left_nothing_is_waited_for() -> None:
    done = threading.Event()
    assert attempted(partial(waits, done), -1).delivery.failed
    done.set()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "5"}, 5.0),
        ({"retry-after": ["5"]}, 5.0),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"Retry-After": "3600"}, 3600.0),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:09 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:09 GMT", "Date": "yesterday"}, None),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:09 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            9.0,
        ),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:09",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            None,
        ),
        ({}, None),
    ],
)
def test_reading_retry_after(headers: dict[str, object], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
