"""Which message answers which, in a real state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from alerts.notify import Alert, Message
from alerts.runner.compose import Outgoing
from alerts.runner.threads import deliveries, told_to
from alerts.state.model import Transition
from alerts.state.store import open_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alerts.notify.message import Kind
    from alerts.state.store import Store

NOW = datetime(2025, 3, 10, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Store]:
    with open_state(f"sqlite:///{tmp_path}/state.db", now=NOW) as store:
        yield store


def out(kind: Kind, *fingerprints: str, receiver: str = "team", episode: int = 1) -> Outgoing:
    alerts = (
        Alert(name, "warn", "s", name, kind=kind, episode=episode)
        for name in fingerprints or ("f",)
    )
    return Outgoing(receiver, Message(kind, "warn", tuple(alerts)))


def begun(state: Store, *outgoing: Outgoing) -> list[str]:
    return state.commit_run([], [], deliveries(outgoing, state.outbox), NOW)


def test_repeats_and_ends_answer_the_first_message_and_an_end_edits_it(state: Store) -> None:
    (first,) = begun(state, out("firing"))
    (repeat,) = deliveries([out("repeated")], state.outbox)
    assert (repeat.action, repeat.root) == ("reply", first)
    for kind in ("resolved", "restated", "known"):
        answer, edit = deliveries([out(kind)], state.outbox)
        assert (answer.action, answer.root, edit.action, edit.root) == (
            "reply",
            first,
            "edit",
            first,
        )


def test_another_episode_or_receiver_has_no_part_in_it(state: Store) -> None:
    begun(state, out("firing"))
    for other in (out("resolved", episode=2), out("resolved", receiver="x"), out("resolved", "g")):
        (one,) = deliveries([other], state.outbox)
        assert (one.action, one.root) == ("post", None)


def test_what_begins_is_a_post(state: Store) -> None:
    begun(state, out("firing"))
    assert [one.action for one in deliveries([out("firing"), out("unknown")], state.outbox)] == [
        "post",
        "post",
    ]


def test_many_in_one_message_are_a_post_and_never_edited(state: Store) -> None:
    (first,) = begun(state, out("firing", "f", "g"))
    (answer,) = deliveries([out("resolved", "f")], state.outbox)
    assert (answer.action, answer.root) == ("reply", first)
    (many,) = deliveries([out("resolved", "f", "g")], state.outbox)
    assert (many.action, many.root) == ("post", None)


def test_who_was_told_is_known(state: Store) -> None:
    begun(state, out("firing"), out("firing", receiver="b"), out("firing", "g"))

    def asked(kind: Kind, *, told: bool = True) -> dict[str, tuple[str, ...]]:
        transition = Transition("f", "r", (), "warn", 1, kind, None, told=told)
        return told_to([transition], state.outbox)

    assert asked("resolved") == {"f.1": ("team", "b")}
    assert asked("firing") == {}
    assert asked("resolved", told=False) == {}
