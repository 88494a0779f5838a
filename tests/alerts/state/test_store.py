"""What is written is read again, on both engines; a run is written whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from alerts.errors import ConfigurationError, LockedError, StateError
from alerts.notify.message import Delivery
from alerts.state import Episode, Outage, Record, Silence, Transition
from alerts.state.journal import Action
from alerts.state.outbox import Outbox
from alerts.state.store import NewDelivery, open_state
from tests.alerts.state.made import NOW, day, message, new, run, seen, stretch

if TYPE_CHECKING:
    from alerts.state.store import Store

HOUR = datetime(2025, 3, 10, 6, tzinfo=UTC)
WHOLE = Record(
    fingerprint="f1",
    rule="ctr-floor",
    labels=(("surface", "ho\0me"), ("device", "„mobil“ 'x' \u202e")),
    severity="page",
    state="firing",
    at=HOUR,
    bucket=HOUR,
    counter=7,
    episode=Episode(6, HOUR, HOUR, told=True, told_at=HOUR),
    ended=Episode(4, HOUR, HOUR, told=True),
    unknown=2,
    outage=Outage(7, told=False),
    known=((HOUR, HOUR),),
    definition="< 0.04",
    value=0.1 + 0.2,
    reason="CTR 2.1 %",
)
TOLD = Transition("f1", "ctr-floor", (("surface", "home"),), "page", 1, "firing", day(3), day(2))


def test_a_record_is_read_as_it_was_written(store: Store) -> None:
    days = replace(
        WHOLE, fingerprint="f2", at=day(3), bucket=day(2), episode=None, outage=None, known=()
    )
    store.commit_run([WHOLE, days], [], [], NOW)
    assert store.records() == {"f1": WHOLE, "f2": days}
    assert type(store.records()["f2"].at) is date
    later = replace(WHOLE, state="normal", episode=None)
    store.commit_run([later], [], [], NOW)
    assert store.records() == {"f1": later, "f2": days}


def test_numbers_that_are_none_are_not_kept(store: Store) -> None:
    store.commit_run([replace(WHOLE, value=float("nan"))], [], [], NOW)
    assert store.records()["f1"].value is None


def test_a_thousand_series_are_written_and_read(store: Store) -> None:
    many = {f"f{n}": replace(WHOLE, fingerprint=f"f{n}") for n in range(1_200)}
    store.commit_run(many.values(), [], [], NOW)
    store.commit_run(many.values(), [], [], NOW)
    assert store.records() == many


def test_a_run_that_fails_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> list[str]:
        raise RuntimeError("killed")

    monkeypatch.setattr(Outbox, "add", fails)
    with pytest.raises(RuntimeError):
        store.commit_run([WHOLE], [TOLD], [new()], NOW)
    assert store.records() == {}
    assert store.history.find() == []


def test_history_is_found_by_rule_labels_and_data_time(store: Store) -> None:
    others = [
        replace(TOLD, rule="drop", kind="resolved", at=day(5)),
        replace(TOLD, labels=(("surface", "search"),), at=HOUR, told=False, suppressed="x"),
        replace(TOLD, at=None, since=None, kind="unknown"),
    ]
    store.commit_run([], [TOLD, *others], [], NOW)
    find = store.history.find
    assert [one.transition for one in find()] == [TOLD, *others]
    assert find()[0].recorded == NOW
    assert [one.transition for one in find(["drop"])] == [others[0]]
    assert [one.transition for one in find(labels={"surface": "search"})] == [others[1]]
    assert [one.transition for one in find(since=day(5))] == others[:2]
    assert [one.transition for one in find(until=day(5))] == [TOLD]
    assert [one.transition for one in find(limit=2)] == others[1:]
    assert [one.transition for one in find(labels={"surface": "home"}, limit=1)] == [others[2]]


def test_a_delivery_goes_from_pending_through_inflight_to_sent(store: Store) -> None:
    first, second = store.commit_run([], [], [new(), new(text="nul \0 \u202e")], NOW)
    outbox = store.outbox
    assert [one.key for one in outbox.outstanding()] == [first, second]
    assert outbox.outstanding()[1].message == message("nul \0 \u202e")
    outbox.hand(first, "slack", NOW)
    assert [one.status for one in outbox.outstanding()] == ["inflight", "pending"]
    outbox.settle(first, Delivery("delivered", reference="17.2"), NOW)
    assert [one.key for one in outbox.outstanding()] == [second]
    sent = outbox.get([first])[first]
    assert (sent.status, sent.reference, sent.delivered_by, sent.attempts) == (
        "sent",
        "17.2",
        "slack",
        1,
    )


@pytest.mark.parametrize(
    ("delivery", "status"),
    [
        (Delivery("retryable", "connection refused", blocks=True), "pending"),
        (Delivery("retryable", "HTTP 502", blocks=True, uncertain=True), "inflight"),
        (Delivery("refused", "invalid_auth", blocks=True), "pending"),
        (Delivery("refused", "msg_too_long"), "refused"),
    ],
)
def test_what_did_not_arrive_is_kept_as_far_as_it_can_help(
    store: Store, delivery: Delivery, status: str
) -> None:
    (key,) = store.commit_run([], [], [new()], NOW)
    store.outbox.hand(key, "slack", NOW)
    store.outbox.settle(key, delivery, NOW)
    assert store.outbox.get([key])[key].status == status
    assert store.outbox.get([key])[key].detail == delivery.detail


def test_the_root_of_an_episode_is_the_first_message_about_it_to_that_receiver(
    store: Store,
) -> None:
    about = message("CTR", "f1", 2)
    first, other, _ = store.commit_run(
        [], [], [NewDelivery("slack", about), NewDelivery("pager", about), new()], NOW
    )
    store.commit_run([], [], [NewDelivery("slack", about, "reply", first)], NOW)
    assert store.outbox.root("f1", 2, "slack") == first
    assert store.outbox.root("f1", 2, "pager") == other
    assert store.outbox.root("f1", 3, "slack") is None
    assert len(store.outbox.told("f1", 2)) == 3


def test_silences_are_listed_while_they_hold_and_can_be_ended(store: Store) -> None:
    wanted = Silence("", "ada", "import", (("rule", "ctr-*"),), NOW, NOW + timedelta(hours=2))
    added = store.silences.add(wanted, NOW)
    assert added == replace(wanted, id=added.id)
    assert store.silences.find(NOW) == [added]
    assert store.silences.find(NOW + timedelta(hours=2)) == []
    soon = NOW + timedelta(minutes=5)
    assert store.silences.end(added.id, soon).ends == soon
    assert store.silences.find(soon) == []
    assert [one.ends for one in store.silences.find(soon, ended=True)] == [soon]
    with pytest.raises(ConfigurationError, match=f"no silence {added.id} holds"):
        store.silences.end(added.id, soon)
    with pytest.raises(ConfigurationError, match="no silence x holds"):
        store.silences.end("x", soon)
    with pytest.raises(ConfigurationError, match="after now"):
        store.silences.add(wanted, NOW + timedelta(days=1))


def test_a_silence_can_be_added_while_a_run_holds_the_lock(store: Store, state_url: str) -> None:
    with open_state(state_url, now=NOW, locked=False) as beside:
        wanted = Silence("", "ada", "import", (("rule", "x"),), NOW, NOW + timedelta(hours=2))
        added = beside.silences.add(wanted, NOW)
    assert store.silences.find(NOW) == [added]


def test_actions_are_kept_for_ever(store: Store) -> None:
    action = Action("exp-1", "srm", "pause", "paused", day(3), NOW)
    store.actions.add(action)
    store.prune(NOW + timedelta(days=4_000))
    assert store.actions.find("exp-1") == [action]
    assert store.actions.find("exp-2") == []


def test_what_is_over_is_pruned_and_what_is_open_stays(store: Store) -> None:
    (fires,) = run(seen("firing", 3, stretch(3, 3, is_open=True)))
    over = replace(fires.transitions[0], episode=9)
    about_over = NewDelivery("slack", message("CTR", "f1", 9))
    keys = store.commit_run(
        [fires.record], [*fires.transitions, over], [new(), about_over, about_over], NOW
    )
    for key in keys:
        store.outbox.settle(key, Delivery("delivered", reference="1"), NOW)
    # An answer that waits keeps what it answers.
    reply = NewDelivery("slack", message("CTR", "f1", 9), "reply", keys[1])
    (waits,) = store.commit_run([], [], [reply], NOW)
    assert store.prune(NOW + timedelta(days=399)) == 0
    assert store.prune(NOW + timedelta(days=401)) == 2
    assert [one.transition for one in store.history.find()] == list(fires.transitions)
    assert set(store.outbox.get([*keys, waits])) == {keys[0], keys[1], waits}


def test_a_clock_that_jumps_loses_nothing(store: Store) -> None:
    first = store.commit_run([], [TOLD], [new(text="first")], NOW)
    back = NOW - timedelta(hours=2)
    second = store.commit_run([], [replace(TOLD, episode=2)], [new(text="second")], back)
    ahead = NOW + timedelta(days=5)
    third = store.commit_run([], [replace(TOLD, episode=3)], [new(text="third")], ahead)
    assert [one.key for one in store.outbox.outstanding()] == [*first, *second, *third]
    assert [one.transition.episode for one in store.history.find()] == [1, 2, 3]
    assert store.prune(ahead) == 0


def test_who_comes_second_is_told_who_is_first(store: Store, state_url: str) -> None:
    with pytest.raises(LockedError, match=r"held by recwatch.*(pid|process) \d+ on"):
        open_state(state_url, now=NOW, command="recwatch check")
    store.close()
    open_state(state_url, now=NOW).close()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://u:canary@h/d", "canary", "sqlite:///a?b=c"]
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="--state") as caught:
        open_state(url, now=NOW)
    assert "canary" not in str(caught.value)


def test_a_directory_that_is_not_there_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("x")
    for path in (place / "none" / "state.db", place):
        with pytest.raises(StateError, match="directory"):
            open_state(f"sqlite:///{path}", now=NOW)
