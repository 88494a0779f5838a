"""From the outbox to receivers: order, crashes, refusals, fallbacks, receivers that hang."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from alerts.notify.message import Alert, Delivery, Message, Parcel
from alerts.runner.deliver import Report, dispatch
from alerts.state.store import NewDelivery, Store, open_state
from faults.inbox import HttpReceiver, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


@dataclass
class FileReceiver:
    """Appends a line for each message to a file, and can be asked for them.

    `says` may answer in its place; what it gives is not written down.
    """

    path: Path
    says: Callable[[Parcel], Delivery | None] = lambda _: None
    looked: list[str] = field(default_factory=list)

    def send(self, parcel: Parcel) -> Delivery:
        answer = self.says(parcel)
        if answer is not None and answer.failed:
            return answer
        line = [parcel.key, parcel.action, parcel.thread, parcel.message.headline]
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return answer or Delivery("delivered", reference=f"ref-{parcel.message.headline}")

    def find(self, parcel: Parcel) -> Delivery | None:
        self.looked.append(parcel.key)
        there = any(line[0] == parcel.key for line in self.lines())
        return Delivery("delivered", reference="found") if there else None

    def lines(self) -> list[list[str]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def headlines(self) -> list[str]:
        return [line[3] for line in self.lines()]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_state(f"sqlite:///{tmp_path}/state.db", now=NOW) as opened:
        yield opened


@pytest.fixture
def slack(tmp_path: Path) -> FileReceiver:
    return FileReceiver(tmp_path / "slack.jsonl")


@pytest.fixture
def pager(tmp_path: Path) -> FileReceiver:
    return FileReceiver(tmp_path / "pager.jsonl")


def test_each_receiver_gets_its_messages_oldest_first(
    store: Store, slack: FileReceiver, pager: FileReceiver
) -> None:
    _wait(store, *(_new(f"{n}", "slack" if n % 3 else "pager") for n in range(12)))
    report = dispatch(store.outbox, {"slack": slack, "pager": pager}, {}, NOW)
    assert slack.headlines() == [str(n) for n in range(12) if n % 3]
    assert pager.headlines() == [str(n) for n in range(12) if not n % 3]
    assert len(report.sent) == 12
    assert report.left == ()
    assert store.outbox.outstanding() == []
    assert dispatch(store.outbox, {"slack": slack, "pager": pager}, {}, NOW) == Report()


def test_a_receiver_has_a_message_only_after_the_state_says_so(
    store: Store, tmp_path: Path, slack: FileReceiver
) -> None:
    seen = []

    def looks(parcel: Parcel) -> None:
        # Another program's view: what is committed.
        with open_state(f"sqlite:///{tmp_path}/state.db", now=NOW, locked=False) as other:
            seen.append([one.status for one in other.outbox.get([parcel.key]).values()])

    slack.says = looks
    _wait(store, _new("a"), _new("b"))
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert seen == [["inflight"], ["inflight"]]


def test_what_a_killed_run_had_sent_is_found_and_not_sent_again(
    store: Store, slack: FileReceiver
) -> None:
    first, second = _wait(store, _new("a"), _new("b"))
    store.outbox.hand(first, "slack", NOW)
    slack.send(Parcel(first, _message("a")))
    report = dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == ["a", "b"]
    assert slack.looked == [first]
    assert [(one.waiting.key, one.found) for one in report.sent] == [(first, True), (second, False)]
    assert store.outbox.get([first])[first].reference == "found"


def test_what_a_killed_run_had_not_sent_is_sent(store: Store, slack: FileReceiver) -> None:
    (key,) = _wait(store, _new("a"))
    store.outbox.hand(key, "slack", NOW)
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == ["a"]


def test_what_may_have_arrived_is_looked_for_in_the_next_run(
    store: Store, slack: FileReceiver
) -> None:
    (key,) = _wait(store, _new("a"))
    slack.says = lambda _: Delivery("retryable", "HTTP 502", blocks=True, uncertain=True)
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    slack.says = lambda _: None
    slack.send(Parcel(key, _message("a")))
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == ["a"]


def test_a_receiver_that_is_down_is_tried_once_a_run_and_the_others_are_served(
    store: Store, slack: FileReceiver, pager: FileReceiver
) -> None:
    tried = []

    def down(parcel: Parcel) -> Delivery:
        tried.append(parcel.message.headline)
        return Delivery("retryable", "connection refused", blocks=True)

    slack.says = down
    _wait(store, _new("a"), _new("b"), _new("c", "pager"))
    report = dispatch(store.outbox, {"slack": slack, "pager": pager}, {}, NOW)
    assert tried == ["a"]
    assert pager.headlines() == ["c"]
    assert [one.detail for one in report.left] == [
        "connection refused",
        "not tried after an earlier message failed: connection refused",
    ]


def test_after_a_day_without_the_receiver_everything_arrives_oldest_first(
    store: Store, slack: FileReceiver
) -> None:
    slack.says = lambda _: Delivery("retryable", "HTTP 503", blocks=True, uncertain=True)
    for hour in range(24):
        _wait(store, _new(f"{hour}"))
        dispatch(store.outbox, {"slack": slack}, {}, NOW + timedelta(hours=hour))
    assert slack.headlines() == []
    slack.says = lambda _: None
    report = dispatch(store.outbox, {"slack": slack}, {}, NOW + timedelta(hours=24))
    assert slack.headlines() == [f"{hour}" for hour in range(24)]
    assert report.left == ()


def test_a_message_that_fails_in_every_run_does_not_hold_up_those_behind_it(
    store: Store, slack: FileReceiver
) -> None:
    slack.says = lambda parcel: (
        Delivery("retryable", "HTTP 500", blocks=True, uncertain=True)
        if parcel.message.headline == "poison"
        else None
    )
    _wait(store, _new("poison"), _new("a"), _new("b"))
    for _ in range(3):
        dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == []
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == ["a", "b"]


def test_a_message_that_is_refused_does_not_block_the_ones_behind_it(
    store: Store, slack: FileReceiver
) -> None:
    slack.says = _refuses("long", Delivery("refused", "msg_too_long"))
    _wait(store, _new("long"), _new("a"))
    report = dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == ["a"]
    assert [(one.detail, one.final) for one in report.left] == [("msg_too_long", True)]
    assert store.outbox.outstanding() == []


def test_what_a_receiver_refuses_altogether_goes_to_its_fallback(
    store: Store, slack: FileReceiver, pager: FileReceiver
) -> None:
    asked = []

    def refuses(parcel: Parcel) -> Delivery:
        asked.append(parcel.message.headline)
        return Delivery("refused", "invalid_auth", blocks=True)

    slack.says = refuses
    keys = _wait(store, _new("a"), _new("b"))
    receivers = {"slack": slack, "pager": pager}
    report = dispatch(store.outbox, receivers, {"slack": "pager"}, NOW)
    assert asked == ["a"]
    assert pager.headlines() == ["a", "b"]
    assert [one.by for one in report.sent] == ["pager", "pager"]
    assert {one.delivered_by for one in store.outbox.get(keys).values()} == {"pager"}


def test_without_a_fallback_it_waits_until_the_token_is_mended(
    store: Store, slack: FileReceiver
) -> None:
    slack.says = lambda _: Delivery("refused", "invalid_auth", blocks=True)
    _wait(store, _new("a"), _new("b"))
    report = dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert [(one.detail, one.final) for one in report.left] == [("invalid_auth", False)] * 2
    slack.says = lambda _: None
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert slack.headlines() == ["a", "b"]


def test_fallbacks_that_name_each_other_end(
    store: Store, slack: FileReceiver, pager: FileReceiver
) -> None:
    slack.says = pager.says = lambda _: Delivery("refused", "invalid_auth", blocks=True)
    _wait(store, _new("a"))
    circle = {"slack": "pager", "pager": "slack"}
    report = dispatch(store.outbox, {"slack": slack, "pager": pager}, circle, NOW)
    assert [one.final for one in report.left] == [False]


def test_an_answer_goes_where_the_first_message_went_and_into_its_thread(
    store: Store, slack: FileReceiver, pager: FileReceiver
) -> None:
    slack.says = lambda _: Delivery("refused", "invalid_auth", blocks=True)
    (root,) = _wait(store, _new("first"))
    receivers = {"slack": slack, "pager": pager}
    dispatch(store.outbox, receivers, {"slack": "pager"}, NOW)
    slack.says = lambda _: None
    _wait(store, _new("reply", action="reply", root=root), _new("edit", action="edit", root=root))
    dispatch(store.outbox, receivers, {"slack": "pager"}, NOW)
    assert slack.headlines() == []
    assert [line[1:] for line in pager.lines()] == [
        ["post", "", "first"],
        ["reply", "ref-first", "reply"],
        ["edit", "ref-first", "edit"],
    ]


def test_an_answer_waits_for_the_reference_of_what_it_answers(
    store: Store, slack: FileReceiver
) -> None:
    (root,) = _wait(store, _new("first"))
    _wait(store, _new("reply", action="reply", root=root))
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert [line[1:] for line in slack.lines()] == [
        ["post", "", "first"],
        ["reply", "ref-first", "reply"],
    ]


def test_without_what_it_answers_a_reply_is_a_message_and_an_edit_is_nothing(
    store: Store, slack: FileReceiver
) -> None:
    slack.says = _refuses("first", Delivery("refused", "msg_too_long"))
    (root,) = _wait(store, _new("first"))
    _wait(store, _new("reply", action="reply", root=root), _new("edit", action="edit", root=root))
    dispatch(store.outbox, {"slack": slack}, {}, NOW)
    assert [line[1:] for line in slack.lines()] == [["post", "", "reply"]]
    assert store.outbox.outstanding() == []


def test_a_receiver_that_is_no_longer_named_keeps_its_messages(store: Store) -> None:
    _wait(store, _new("a"))
    report = dispatch(store.outbox, {}, {}, NOW)
    assert "no such receiver" in report.left[0].detail
    assert len(store.outbox.outstanding()) == 1


def test_a_receiver_that_fails_in_our_own_code_is_reported(
    store: Store, slack: FileReceiver, pager: FileReceiver
) -> None:
    def fails(_: Parcel) -> Delivery:
        raise RuntimeError("canary")

    slack.says = fails
    _wait(store, _new("a"), _new("b", "pager"))
    report = dispatch(store.outbox, {"slack": slack, "pager": pager}, {}, NOW)
    assert pager.headlines() == ["b"]
    assert report.left[0].detail == "recwatch failed (RuntimeError)"


def test_a_hung_receiver_ends_with_the_run_and_the_others_are_served(
    store: Store, tmp_path: Path, pager: FileReceiver
) -> None:
    with serving() as inbox:
        inbox.hang = "slack"
        # A byte a second never meets a timeout for each read.
        hung = HttpReceiver(inbox.url, "slack", findable=True, timeout=5)
        _wait(store, _new("a"), _new("b"), _new("c", "pager"))
        report = dispatch(store.outbox, {"slack": hung, "pager": pager}, {}, NOW, seconds=2)
        # It hangs for two minutes: the run did not wait for it.
        assert pager.headlines() == ["c"]
        assert report.left[0].detail == "no answer before the run had to end"
        assert [one.status for one in store.outbox.outstanding()] == ["inflight", "pending"]
        inbox.hang = ""
        dispatch(store.outbox, {"slack": hung, "pager": pager}, {}, NOW)
        assert store.outbox.outstanding() == []
        # It had arrived at once, and was found.
        assert len(inbox.taken) == 2


def test_only_one_message_at_a_time_is_with_a_receiver(store: Store, slack: FileReceiver) -> None:
    gate = threading.Semaphore(1)

    def once(_: Parcel) -> Delivery | None:
        if not gate.acquire(blocking=False):
            return Delivery("refused", "two at a time")
        time.sleep(0.005)
        gate.release()
        return None

    slack.says = once
    _wait(store, *(_new(f"{n}") for n in range(10)))
    assert len(dispatch(store.outbox, {"slack": slack}, {}, NOW).sent) == 10


def _message(text: str) -> Message:
    alert = Alert(text, "page", f"{text} is low", "f1")
    facts = (("since", "2025-03-10"),)
    return Message(text, "page", (Alert(**{**vars(alert), "facts": facts}),))


def _new(text: str, receiver: str = "slack", **more: object) -> NewDelivery:
    return NewDelivery(receiver, _message(text), **more)  # type: ignore[arg-type]


def _wait(store: Store, *new: NewDelivery) -> list[str]:
    return store.commit_run([], [], new, NOW)


def _refuses(headline: str, delivery: Delivery) -> Callable[[Parcel], Delivery | None]:
    return lambda parcel: delivery if parcel.message.headline == headline else None
