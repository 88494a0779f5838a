"""Threads, edits, and looking for what a killed run may have sent: one message, once."""

from dataclasses import replace

import pytest

from alerts.notify import Alert, Delivery, Message
from alerts.notify.message import Kind
from alerts.notify.slack import Patience, SlackReceiver, TokenTransport, WebhookTransport
from tests.alerts.notify.samples import ALERT, CANARY, SINGLE, parcel
from tests.alerts.notify.server import FakeSlack, Naps, Reply, fake_slack

QUICK = Patience(timeout=5, pace=0)


def receiver(slack: FakeSlack, channel: str = "#team") -> SlackReceiver:
    transport = TokenTransport(CANARY, channel, QUICK, slack.url + "/api")
    return SlackReceiver(transport, QUICK, Naps().sleep)


def told(kind: Kind) -> Message:
    alert: Alert = replace(ALERT, kind=kind)
    return Message(f"{kind.upper()}: {alert.title}", alert.severity, (alert,))


def refused(code: str) -> Reply:
    return Reply.json({"ok": False, "error": code})


def test_the_end_answers_in_the_thread_and_edits_the_first_message() -> None:
    with fake_slack() as slack:
        team = receiver(slack)
        first = team.send(parcel(SINGLE, key="a"))
        resolved = told("resolved")
        reply = team.send(parcel(resolved, "reply", first.reference, "b"))
        edit = team.send(parcel(resolved, "edit", first.reference, "c"))
    assert first.reference == "C1:1700000000.000100"
    assert reply.reference == "C1:1700000000.000200"
    assert edit == Delivery("delivered", reference=first.reference)
    assert [path.rsplit("/", 1)[-1] for path in slack.paths] == [
        "chat.postMessage",
        "chat.postMessage",
        "chat.update",
    ]
    assert slack.requests[1]["thread_ts"] == "1700000000.000100"
    assert (slack.requests[2]["channel"], slack.requests[2]["ts"]) == ("C1", "1700000000.000100")
    top, answer = slack.messages
    for message in (top, answer):
        assert message["attachments"][0]["color"] == "#2EB886"
        header = message["attachments"][0]["blocks"][0]["text"]["text"]
        assert header == "RESOLVED: ctr-floor {surface=home}"


def test_an_answer_to_no_message_of_slack_s_is_a_post() -> None:
    with fake_slack() as slack:
        for thread in ("", "file:1", "C1", "C1:soon"):
            receiver(slack).send(parcel(SINGLE, "reply", thread))
    assert all("thread_ts" not in request for request in slack.requests)
    assert {request["channel"] for request in slack.requests} == {"#team"}


def test_an_edit_of_no_message_of_slack_s_is_left_out() -> None:
    with fake_slack() as slack:
        delivery = receiver(slack).send(parcel(SINGLE, "edit", ""))
    assert delivery == Delivery("delivered", "no message of Slack's to edit")
    assert slack.seen == []


@pytest.mark.parametrize("code", ["thread_not_found", "restricted_action_thread_locked"])
def test_an_answer_whose_thread_is_gone_is_posted(code: str) -> None:
    with fake_slack(refused(code), Reply()) as slack:
        delivery = receiver(slack).send(parcel(SINGLE, "reply", "C1:1700000000.000100"))
        assert delivery.outcome == "delivered"
        assert [request.get("thread_ts") for request in slack.requests] == [
            "1700000000.000100",
            None,
        ]
        found = receiver(slack).find(parcel(SINGLE, "reply", "C1:1600000000.000100"))
    assert found == Delivery("delivered", reference=delivery.reference)


@pytest.mark.parametrize("code", ["message_not_found", "edit_window_closed", "cant_update_message"])
def test_an_edit_of_what_is_gone_is_left_out(code: str) -> None:
    with fake_slack(refused(code)) as slack:
        delivery = receiver(slack).send(parcel(SINGLE, "edit", "C1:1700000000.000100"))
    assert delivery == Delivery("delivered", f"not edited: {code}")


@pytest.mark.parametrize("channel", ["#team", "team", "C1"])
def test_what_a_killed_run_sent_is_found(channel: str) -> None:
    with fake_slack() as slack:
        slack.page = 2
        team = receiver(slack, channel)
        sent = [team.send(parcel(SINGLE, key=f"k-{n}")) for n in range(5)]
        for place, delivery in enumerate(sent):
            assert receiver(slack, channel).find(parcel(SINGLE, key=f"k-{place}")) == delivery
        assert team.find(parcel(SINGLE, key="k-9")) is None


def test_an_answer_of_a_killed_run_is_found_in_its_thread() -> None:
    with fake_slack() as slack:
        team = receiver(slack)
        top = team.send(parcel(SINGLE, key="a"))
        reply = team.send(parcel(SINGLE, "reply", top.reference, "b"))
        assert receiver(slack).find(parcel(SINGLE, "reply", top.reference, "b")) == reply
        assert team.find(parcel(SINGLE, "reply", top.reference, "c")) is None
        assert team.find(parcel(SINGLE, "edit", top.reference, "a")) is None


def test_looking_reads_a_bounded_number_of_pages() -> None:
    with fake_slack() as slack:
        slack.page = 1
        team = receiver(slack, "C1")
        for place in range(8):
            team.send(parcel(SINGLE, key=f"k-{place}"))
        assert team.find(parcel(SINGLE, key="k-0")) is None
    assert len(slack.lookups) == 5


@pytest.mark.parametrize(
    "unreadable", [{"conversations.history"}, {"conversations.list"}], ids=["history", "list"]
)
def test_without_the_scope_to_read_nothing_is_found(unreadable: set[str]) -> None:
    with fake_slack() as slack:
        slack.unreadable = unreadable
        team = receiver(slack)
        team.send(parcel(SINGLE))
        assert team.find(parcel(SINGLE)) is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(drop=True, accepts=True),
        Reply(declared=5_000, accepts=True),
        Reply(504, b"", accepts=True),
        Reply(hang=5, accepts=True),
        Reply(trickle=0.5, accepts=True),
        Reply(200, b"<html>", accepts=True),
    ],
    ids=["closed", "half", "504", "hung", "trickling", "html"],
)
def test_what_arrived_although_it_failed_is_not_sent_again(reply: Reply) -> None:
    patience = replace(QUICK, timeout=1)
    with fake_slack(reply, Reply()) as slack:
        transport = TokenTransport(CANARY, "#team", patience, slack.url)
        delivery = SlackReceiver(transport, patience, Naps().sleep).send(parcel(SINGLE))
        assert delivery == Delivery("delivered", reference="C1:1700000000.000100")
        assert len(slack.messages) == 1


def test_where_nothing_may_be_read_it_is_sent_again() -> None:
    with fake_slack(Reply(drop=True, accepts=True), Reply()) as slack:
        slack.unreadable = {"conversations.history"}
        assert receiver(slack).send(parcel(SINGLE)).outcome == "delivered"
        assert len(slack.messages) == 2


def test_a_webhook_posts_answers_and_leaves_edits_out() -> None:
    with fake_slack(Reply(200, b"ok")) as slack:
        transport = WebhookTransport(f"{slack.url}/services/{CANARY}", QUICK)
        hook = SlackReceiver(transport, QUICK, Naps().sleep)
        assert hook.send(parcel(SINGLE, "reply", "C1:1700000000.000100")).outcome == "delivered"
        assert hook.send(parcel(SINGLE, "edit")) == Delivery("delivered", "a webhook cannot edit")
        assert hook.find(parcel(SINGLE)) is None
    assert len(slack.requests) == 1
    assert "thread_ts" not in slack.requests[0]
