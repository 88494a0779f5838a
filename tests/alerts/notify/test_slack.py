"""Slack over a real connection: what is tried again, what is not, and that no secret shows."""

import json
import logging
import time
from dataclasses import replace

import pytest

from alerts.notify import Delivery, Message
from alerts.notify.slack import (
    Pace,
    Patience,
    SlackReceiver,
    TokenTransport,
    WebhookTransport,
)
from tests.alerts.notify.samples import ALERT, CANARY, HOSTILE, SINGLE, many, parcel
from tests.alerts.notify.server import FakeSlack, Naps, Reply, fake_slack

QUICK = Patience(timeout=5, backoff=1.0, pace=0)


def send(slack: FakeSlack, naps: Naps, patience: Patience = QUICK) -> Delivery:
    transport = TokenTransport(CANARY, "#team", patience, slack.url + "/api")
    return SlackReceiver(transport, patience, naps.sleep).send(parcel(SINGLE))


def send_webhook(slack: FakeSlack, naps: Naps, patience: Patience = QUICK) -> Delivery:
    transport = WebhookTransport(f"{slack.url}/services/{CANARY}", patience)
    return SlackReceiver(transport, patience, naps.sleep).send(parcel(SINGLE))


def outcome(*replies: Reply) -> tuple[Delivery, FakeSlack, Naps]:
    naps = Naps()
    with fake_slack(*replies) as slack:
        delivery = send(slack, naps)
    assert CANARY not in repr(delivery)
    return delivery, slack, naps


def test_a_message_arrives_once() -> None:
    delivery, slack, naps = outcome(Reply())
    assert delivery == Delivery("delivered", reference="C1:1700000000.000100")
    assert slack.paths == ["/api/chat.postMessage"]
    assert slack.tokens == [f"Bearer {CANARY}"]
    (request,) = slack.requests
    assert request["channel"] == "#team"
    assert request["metadata"] == {"event_type": "recwatch", "event_payload": {"key": "k-1"}}
    assert "thread_ts" not in request
    assert request["attachments"][0]["color"] == "#D00000"
    assert request["attachments"][0]["blocks"][0]["type"] == "header"
    assert naps.taken == []


LONG = replace(
    ALERT, title="t" * 40_000, summary="<!channel>\x00\u202e" * 4_000, playbook="`" * 40_000
)


@pytest.mark.parametrize(
    "message",
    [HOSTILE, many(500), Message("h" * 40_000, "page", (LONG,))],
    ids=["hostile", "500 alerts", "40,000 characters"],
)
def test_whatever_data_hold_arrives_as_one_harmless_message(message: Message) -> None:
    naps = Naps()
    with fake_slack() as slack:
        transport = TokenTransport(CANARY, "#team", QUICK, slack.url)
        receiver = SlackReceiver(transport, QUICK, naps.sleep)
        assert receiver.send(parcel(message)).outcome == "delivered"
    (request,) = slack.seen
    assert len(request.body) < 100_000
    assert not [bad for bad in (b"<http", b"\\u0000", b"\\u202e") if bad in request.body]
    assert "<" not in json.loads(request.body)["text"]


def limited(**headers: str) -> Reply:
    return Reply.json({"ok": False, "error": "ratelimited"}, 429, **headers)


def test_retry_after_is_honoured() -> None:
    delivery, slack, naps = outcome(limited(Retry_After="7"), Reply())
    assert delivery.outcome == "delivered"
    assert naps.taken == [7.0]
    assert len(slack.requests) == 2


@pytest.mark.parametrize("value", ["3600", "31"])
def test_a_longer_wait_than_ours_is_left_to_a_later_run(value: str) -> None:
    delivery, slack, naps = outcome(limited(Retry_After=value), Reply())
    assert delivery == Delivery("retryable", f"rate limited, asked to wait {value} s", blocks=True)
    assert (len(slack.requests), naps.taken) == (1, [])


def test_the_pauses_are_bounded_together() -> None:
    delivery, slack, naps = outcome(limited(Retry_After="20"))
    assert delivery.outcome == "retryable"
    assert naps.taken == [20.0]
    assert len(slack.requests) == 2


@pytest.mark.parametrize("value", ["-5", "soon", "1e9", "0", None])
def test_a_retry_after_that_says_nothing_means_our_own_pause(value: str | None) -> None:
    headers = {} if value is None else {"Retry_After": value}
    delivery, _, naps = outcome(limited(**headers), Reply())
    assert delivery.outcome == "delivered"
    assert naps.taken == [1.0]


@pytest.mark.parametrize(
    ("until", "waited"),
    [
        ("Wed, 21 Oct 2026 07:28:09 GMT", 9.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 1.0),
        ("Wed, 99 Oct 2026 07:28:09 GMT", 1.0),
    ],
)
def test_a_date_to_wait_for_is_held_against_the_date_of_the_answer(
    until: str, waited: float
) -> None:
    now = "Wed, 21 Oct 2026 07:28:00 GMT"
    delivery, _, naps = outcome(limited(Retry_After=until, Date=now), Reply())
    assert delivery.outcome == "delivered"
    assert naps.taken == [waited]


def test_a_date_alone_means_our_own_pause() -> None:
    _, _, naps = outcome(limited(Retry_After="Wed, 21 Oct 2026 07:28:09 GMT"), Reply())
    assert naps.taken == [1.0]


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_a_server_error_is_tried_again(status: int) -> None:
    delivery, slack, naps = outcome(Reply(status, b"oops"), Reply(status, b""), Reply())
    assert delivery.outcome == "delivered"
    assert naps.taken == [1.0, 2.0]
    assert len(slack.requests) == 3


def test_attempts_are_bounded() -> None:
    delivery, slack, _ = outcome(Reply(503, b"<html>"))
    assert delivery == Delivery("retryable", "HTTP 503", blocks=True, uncertain=True)
    assert len(slack.requests) == 3


@pytest.mark.parametrize(
    ("code", "blocks"),
    [
        ("channel_not_found", True),
        ("invalid_auth", True),
        ("is_archived", True),
        ("invalid_blocks", False),
        ("msg_too_long", False),
        ("something_new", False),
    ],
)
def test_a_refusal_is_not_tried_again(code: str, blocks: bool) -> None:
    delivery, slack, _ = outcome(Reply.json({"ok": False, "error": code}))
    assert delivery == Delivery("refused", code, blocks=blocks)
    assert len(slack.requests) == 1


def test_slack_s_own_trouble_is_tried_again() -> None:
    delivery, slack, _ = outcome(Reply.json({"ok": False, "error": "internal_error"}), Reply())
    assert delivery.outcome == "delivered"
    assert len(slack.requests) == 2


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"null", b"[1]", b"\xff\xfe", b"{"])
def test_an_answer_that_is_not_slack_s_is_never_taken_for_delivered(body: bytes) -> None:
    delivery, slack, _ = outcome(Reply(200, body, {"Content-Type": "text/html"}))
    assert delivery.outcome == "retryable"
    assert len(slack.requests) == 3


def test_an_error_that_is_no_code_is_not_repeated() -> None:
    delivery, _, _ = outcome(Reply.json({"ok": False, "error": f"see https://x/{CANARY}"}))
    assert delivery.outcome == "retryable"
    assert "https" not in delivery.detail


@pytest.mark.parametrize(
    "reply", [Reply(drop=True), Reply(body=b'{"ok": tr', declared=500)], ids=["closed", "half"]
)
def test_half_an_answer_is_tried_again_by_us_alone(reply: Reply) -> None:
    delivery, slack, naps = outcome(reply, Reply())
    assert delivery.outcome == "delivered"
    assert len(slack.requests) == 2
    assert naps.taken == [1.0]


def test_a_client_error_without_a_code_is_refused() -> None:
    delivery, slack, _ = outcome(Reply(404, b"nothing here"))
    assert delivery == Delivery("refused", "HTTP 404", blocks=True)
    assert len(slack.requests) == 1


def test_a_server_that_does_not_answer() -> None:
    impatient = Patience(attempts=2, timeout=1, pace=0)
    with fake_slack(Reply(hang=60, accepts=False)) as slack:
        started = time.monotonic()
        delivery = send(slack, Naps(), impatient)
        assert time.monotonic() - started < 30  # 2 where nothing else runs
    assert delivery == Delivery("retryable", "no answer within 1 s", blocks=True, uncertain=True)
    assert len(slack.requests) == 2


def test_a_byte_a_second_does_not_hold_the_run_up() -> None:
    """A socket's timeout starts anew with every byte: this answer would take a minute."""
    impatient = Patience(attempts=2, timeout=0.5, pace=0)
    with fake_slack(Reply(trickle=0.3, accepts=False)) as slack:
        started = time.monotonic()
        delivery = send(slack, Naps(), impatient)
        assert time.monotonic() - started < 30  # 1.5 where nothing else runs
    assert delivery == Delivery("retryable", "no answer within 0.5 s", blocks=True, uncertain=True)


def test_all_attempts_and_pauses_together_are_bounded() -> None:
    patience = Patience(attempts=1_000, backoff=0.4, longest_wait=1e9, longest=5, pace=0)
    with fake_slack(Reply(503, b"")) as slack:
        naps = Naps()
        assert send_webhook(slack, naps, patience).outcome == "retryable"
    assert naps.taken == [0.4, 0.8, 1.6]  # another 3.2 would be too long


def test_a_refused_connection(closed_port: str, capfd: pytest.CaptureFixture[str]) -> None:
    naps = Naps()
    slack = FakeSlack([], url=closed_port)
    assert send(slack, naps) == Delivery("retryable", "connection refused", blocks=True)
    assert naps.taken == [1.0, 2.0]
    assert send_webhook(slack, naps) == Delivery("retryable", "connection refused", blocks=True)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_host() -> None:
    transport = TokenTransport(CANARY, "#team", QUICK, "http://slack.invalid/api/")
    delivery = SlackReceiver(transport, QUICK, Naps().sleep).send(parcel(SINGLE))
    assert delivery.outcome == "retryable"
    assert "slack.invalid" not in delivery.detail


def test_the_pace_of_one_message_a_second_is_kept() -> None:
    naps = Naps()
    patience = Patience(pace=1.0)
    with fake_slack(Reply()) as slack:
        transport = TokenTransport(CANARY, "#team", patience, slack.url)
        receiver = SlackReceiver(transport, patience, naps.sleep)
        receiver.send(parcel(SINGLE))
        receiver.send(parcel(SINGLE))
    assert len(naps.taken) == 1
    assert 0 < naps.taken[0] <= 1


def test_receivers_of_one_channel_share_the_pace() -> None:
    naps = Naps()
    patience = Patience(pace=1.0)
    pace = Pace(1.0, naps.sleep)
    with fake_slack(Reply()) as slack:
        for _ in range(2):
            transport = TokenTransport(CANARY, "#team", patience, slack.url)
            SlackReceiver(transport, patience, naps.sleep, pace).send(parcel(SINGLE))
    assert len(naps.taken) == 1


def test_a_webhook_takes_the_message() -> None:
    with fake_slack(Reply(200, b"ok", {"Content-Type": "text/html"})) as slack:
        assert send_webhook(slack, Naps()) == Delivery("delivered")
    assert slack.paths == [f"/services/{CANARY}"]
    assert "channel" not in slack.requests[0]
    assert slack.requests[0]["attachments"][0]["blocks"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(403, b"invalid_token"), Delivery("refused", "invalid_token", blocks=True)),
        (Reply(404, b"no_service"), Delivery("refused", "no_service", blocks=True)),
        (Reply(400, b"invalid_payload"), Delivery("refused", "invalid_payload")),
        (Reply(410, CANARY.encode() + b" gone!"), Delivery("refused", "HTTP 410", blocks=True)),
        (Reply(429, b"", {"Retry-After": "99"}), None),
        (Reply(500, b"x"), Delivery("retryable", "HTTP 500", blocks=True, uncertain=True)),
        (Reply(200, b"<html>"), None),
        (Reply(200, b""), None),
    ],
)
def test_a_webhook_s_other_answers(reply: Reply, expected: Delivery | None) -> None:
    with fake_slack(reply) as slack:
        delivery = send_webhook(slack, Naps())
    assert CANARY not in repr(delivery)
    if expected is None:
        assert delivery.outcome == "retryable"
    else:
        assert delivery == expected


def test_nothing_is_logged(closed_port: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        outcome(Reply(500, b"x"), Reply(200, b"<html>"), Reply())
        send_webhook(FakeSlack([], url=closed_port), Naps())
    assert caplog.records == []
