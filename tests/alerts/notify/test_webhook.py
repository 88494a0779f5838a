"""A webhook over a real connection."""

import base64
import time

import pytest

from alerts.notify import Delivery
from alerts.notify.attempts import Patience
from alerts.notify.webhook import WebhookReceiver
from tests.alerts.notify.samples import CANARY, HOSTILE, SINGLE, parcel
from tests.alerts.notify.server import Naps, Reply, Site, fake_site

QUICK = Patience(timeout=5)
FINE = Reply(204, b"")


def send(site: Site, naps: Naps | None = None, patience: Patience = QUICK) -> Delivery:
    receiver = WebhookReceiver(f"{site.url}/in/{CANARY}", patience, (naps or Naps()).sleep)
    delivery = receiver.send(parcel(SINGLE, key="key-1"))
    assert CANARY not in repr(delivery)
    assert "127.0.0.1" not in repr(delivery)
    return delivery


def test_a_message_is_posted_with_its_key() -> None:
    with fake_site(FINE) as site:
        assert send(site) == Delivery("delivered")
    (request,) = site.seen
    assert (request.method, request.path) == ("POST", f"/in/{CANARY}")
    assert request.headers["Idempotency-Key"] == "key-1"
    assert request.headers["Content-Type"] == "application/json"
    assert (site.bodies[0]["key"], site.bodies[0]["headline"]) == ("key-1", SINGLE.headline)


def test_sent_again_it_has_the_same_key() -> None:
    naps = Naps()
    with fake_site(Reply(drop=True), Reply(503, b""), FINE) as site:
        assert send(site, naps) == Delivery("delivered")
    assert [request.headers["Idempotency-Key"] for request in site.seen] == ["key-1"] * 3
    assert naps.taken == [1.0, 2.0]


def test_name_and_password_of_the_address_are_a_header() -> None:
    with fake_site(FINE) as site:
        url = site.url.replace("http://", f"http://me:{CANARY}%20@")
        assert not WebhookReceiver(url, QUICK).send(parcel(SINGLE)).failed
    coded = base64.b64encode(f"me:{CANARY} ".encode()).decode()
    assert site.seen[0].headers["Authorization"] == f"Basic {coded}"


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>"])
def test_success_is_the_status(body: bytes) -> None:
    with fake_site(Reply(200, body)) as site:
        assert send(site) == Delivery("delivered")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with fake_site(Reply(status, b"", {"Location": "/other"}), FINE) as site:
        delivery = send(site)
    assert (delivery.outcome, delivery.blocks) == ("refused", True)
    assert len(site.seen) == 1


@pytest.mark.parametrize(
    ("status", "blocks"), [(400, False), (401, True), (403, True), (404, True), (413, False)]
)
def test_refusals(status: int, blocks: bool) -> None:
    with fake_site(Reply(status, CANARY.encode())) as site:
        assert send(site) == Delivery("refused", f"HTTP {status}", blocks=blocks)
    assert len(site.seen) == 1


def test_being_asked_to_wait() -> None:
    naps = Naps()
    with fake_site(Reply(429, b"", {"Retry-After": "4"}), FINE) as site:
        assert send(site, naps) == Delivery("delivered")
    assert naps.taken == [4.0]


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_server_errors_are_tried_again(status: int) -> None:
    with fake_site(Reply(status, b"")) as site:
        assert send(site) == Delivery("retryable", f"HTTP {status}", blocks=True, uncertain=True)
    assert len(site.seen) == 3


@pytest.mark.parametrize("reply", [Reply(hang=60), Reply(trickle=0.3)])
def test_a_server_that_does_not_come_to_an_end(reply: Reply) -> None:
    with fake_site(reply) as site:
        started = time.monotonic()
        delivery = send(site, patience=Patience(attempts=2, timeout=0.5))
        assert time.monotonic() - started < 30  # 1 where nothing else runs
    assert delivery == Delivery("retryable", "no answer within 0.5 s", blocks=True, uncertain=True)


def test_a_refused_connection(closed_port: str) -> None:
    delivery = send(Site([], url=closed_port))
    assert delivery == Delivery("retryable", "connection refused", blocks=True)


def test_what_data_hold_arrives_as_it_is_and_nothing_can_be_looked_for() -> None:
    with fake_site(FINE) as site:
        receiver = WebhookReceiver(site.url, QUICK)
        assert not receiver.send(parcel(HOSTILE)).failed
        assert receiver.find(parcel(HOSTILE)) is None
    assert site.bodies[0]["alerts"][0]["summary"] == HOSTILE.alerts[0].summary
    assert site.seen[0].body.isascii()
