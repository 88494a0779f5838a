"""PagerDuty's client over a real connection: what is tried again, and that no secret shows."""

import logging
import time
from dataclasses import replace

import pytest

from alerts.notify import Delivery, Message
from alerts.notify.attempts import Patience
from alerts.notify.message import Kind
from alerts.notify.pagerduty import PagerDutyReceiver
from tests.alerts.notify.samples import ALERT, SINGLE, many, parcel
from tests.alerts.notify.samples import ROUTING_KEY as CANARY
from tests.alerts.notify.server import Naps, Reply, Site, fake_site

QUICK = Patience(timeout=5, backoff=1.0)
ACCEPTED = Reply.json({"status": "success", "message": "Event processed", "dedup_key": "x"}, 202)


def invalid(*errors: str) -> Reply:
    return Reply.json(
        {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, 400
    )


def send(
    site: Site, message: Message = SINGLE, naps: Naps | None = None, patience: Patience = QUICK
) -> Delivery:
    receiver = PagerDutyReceiver(CANARY, patience, (naps or Naps()).sleep, base_url=site.url)
    delivery = receiver.send(parcel(message))
    assert CANARY not in repr(delivery)
    assert CANARY[-4:] not in repr(delivery)
    return delivery


def test_an_alert_is_an_event() -> None:
    with fake_site(ACCEPTED) as site:
        assert send(site) == Delivery("delivered", reference=f"{ALERT.fingerprint}.1")
    (request,) = site.seen
    assert (request.method, request.path) == ("POST", "/v2/enqueue")
    (event,) = site.bodies
    assert event["routing_key"] == CANARY
    assert event["event_action"] == "trigger"
    assert event["dedup_key"] == f"{ALERT.fingerprint}.1"
    assert event["payload"]["severity"] == "critical"


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("firing", "trigger"),
        ("repeated", "trigger"),
        ("unknown", "trigger"),
        ("resolved", "resolve"),
        ("restated", "resolve"),
        ("known", "resolve"),
    ],
)
def test_what_a_kind_does(kind: Kind, action: str) -> None:
    with fake_site(ACCEPTED) as site:
        send(site, replace(SINGLE, alerts=(replace(ALERT, kind=kind),)))
    assert site.bodies[0]["event_action"] == action


def test_many_alerts_are_an_event_each() -> None:
    with fake_site(ACCEPTED) as site:
        assert send(site, many(500)) == Delivery("delivered")
    assert len({event["dedup_key"] for event in site.bodies}) == 500


def test_what_is_sent_again_after_half_of_it_makes_no_second_incident() -> None:
    with fake_site(ACCEPTED, ACCEPTED, Reply(500, b"")) as site:
        delivery = send(site, many(5))
        assert delivery.outcome == "retryable"
        assert delivery.detail == "2 of 5 events accepted: HTTP 500"
        first = len(site.seen)
        site.replies[:] = [ACCEPTED]
        assert send(site, many(5)) == Delivery("delivered")
    assert first == 2 + QUICK.attempts
    assert len({event["dedup_key"] for event in site.bodies}) == 5


def test_a_refused_event_does_not_hold_up_the_others() -> None:
    with fake_site(ACCEPTED, invalid("'payload.summary' is missing or blank"), ACCEPTED) as site:
        delivery = send(site, many(4))
    assert delivery == Delivery(
        "refused", "3 of 4 events accepted: HTTP 400, the event is not taken because of summary"
    )
    assert len(site.seen) == 4


def test_an_edit_is_left_out() -> None:
    with fake_site(ACCEPTED) as site:
        receiver = PagerDutyReceiver(CANARY, QUICK, base_url=site.url)
        edit = parcel(SINGLE, "edit", "x")
        assert receiver.send(edit) == Delivery("delivered", "an incident is not edited")
        assert receiver.find(edit) is None
    assert site.seen == []


@pytest.mark.parametrize(
    ("reply", "detail", "blocks"),
    [
        (invalid("'payload.severity' is invalid"), " because of severity", False),
        (invalid(f"'{CANARY}' is odd"), "", False),
        (Reply(400, b"<html>"), "", False),
        (invalid(f"'routing_key' {CANARY} is invalid"), None, True),
        (Reply.json({"message": "Invalid Routing Key"}, 400), None, True),
    ],
)
def test_an_event_that_is_not_taken(reply: Reply, detail: str | None, blocks: bool) -> None:
    words = (
        "PagerDuty does not know the routing key"
        if detail is None
        else f"HTTP 400, the event is not taken{detail}"
    )
    with fake_site(reply) as site:
        assert send(site) == Delivery("refused", words, blocks=blocks)
    assert len(site.seen) == 1


@pytest.mark.parametrize(("status", "blocks"), [(401, True), (403, True), (413, False)])
def test_other_refusals(status: int, blocks: bool) -> None:
    with fake_site(Reply(status, CANARY.encode())) as site:
        assert send(site) == Delivery("refused", f"HTTP {status}", blocks=blocks)
    assert len(site.seen) == 1


def test_a_redirect_is_not_followed() -> None:
    with fake_site(Reply(302, b"", {"Location": "/elsewhere"}), ACCEPTED) as site:
        assert send(site) == Delivery("refused", "HTTP 302", blocks=True)
    assert len(site.seen) == 1


@pytest.mark.parametrize(
    "value", ["1", "3600", "Wed, 21 Oct 2026 07:28:09 GMT", "-5", None], ids=str
)
def test_being_asked_to_slow_down(value: str | None) -> None:
    headers = {} if value is None else {"Retry-After": value}
    headers["Date"] = "Wed, 21 Oct 2026 07:28:00 GMT"
    naps = Naps()
    with fake_site(Reply(429, b"", headers), ACCEPTED) as site:
        delivery = send(site, naps=naps)
    if value == "3600":
        assert delivery == Delivery("retryable", "rate limited, asked to wait 3600 s", blocks=True)
        assert (len(site.seen), naps.taken) == (1, [])
    else:
        assert delivery.outcome == "delivered"
        assert (len(site.seen), naps.taken) == (2, [9.0 if value and "GMT" in value else 1.0])


def test_being_asked_to_slow_down_for_ever() -> None:
    """The client by itself would try without end."""
    with fake_site(Reply(429, b"")) as site:
        assert send(site) == Delivery("retryable", "rate limited", blocks=True)
    assert len(site.seen) == 3


@pytest.mark.parametrize(
    "reply",
    [
        *(Reply(status, b"x") for status in (500, 501, 502, 503, 504)),
        Reply(drop=True),
        Reply(202, b'{"status": "succ', declared=500),
        Reply(200, b"<html>hello</html>"),
        Reply(202, b"[]"),
        Reply(202, b""),
    ],
)
def test_what_may_pass_is_tried_again_by_us_alone(reply: Reply) -> None:
    naps = Naps()
    with fake_site(reply, reply, ACCEPTED) as site:
        assert send(site, naps=naps).outcome == "delivered"
        assert (len(site.seen), naps.taken) == (3, [1.0, 2.0])
    with fake_site(reply) as site:
        delivery = send(site)
        assert (delivery.outcome, delivery.blocks, delivery.uncertain) == ("retryable", True, True)
        assert len(site.seen) == 3


@pytest.mark.parametrize("reply", [Reply(hang=60), Reply(202, trickle=0.3)])
def test_a_server_that_does_not_come_to_an_end(reply: Reply) -> None:
    patience = Patience(attempts=2, timeout=0.5)
    with fake_site(reply) as site:
        started = time.monotonic()
        delivery = send(site, patience=patience)
        assert time.monotonic() - started < 30  # 1 where nothing else runs
    assert delivery == Delivery("retryable", "no answer within 0.5 s", blocks=True, uncertain=True)


def test_a_refused_connection(closed_port: str, capfd: pytest.CaptureFixture[str]) -> None:
    naps = Naps()
    site = Site([], url=closed_port)
    assert send(site, naps=naps) == Delivery("retryable", "connection refused", blocks=True)
    assert naps.taken == [1.0, 2.0]
    assert capfd.readouterr() == ("", "")


def test_an_unknown_host() -> None:
    delivery = send(Site([], url="http://pagerduty.invalid"))
    assert delivery == Delivery("retryable", "the host name cannot be resolved", blocks=True)


def test_the_client_logs_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    replies = (Reply(429, b""), Reply(500, b"x"), invalid("x"))
    with caplog.at_level(logging.DEBUG), fake_site(*replies) as site:
        send(site)
    assert len(site.seen) == 3
    assert not [record for record in caplog.records if "pagerduty" in record.name]
    assert capfd.readouterr() == ("", "")
