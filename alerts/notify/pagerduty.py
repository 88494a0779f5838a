"""PagerDuty as a receiver: one incident for each episode, by the Events API v2.

The `pagerduty` client speaks to it; whether to try again is decided here alone. By itself the
client tries without end when it is asked to slow down, and the texts of its errors hold the end
of the routing key and what was answered, so none of them is passed on.

What it promises: nothing comes twice. Events of an episode share a key, and PagerDuty adds a
second one to the incident that is there, so that sending again after a kill is harmless.
"""

from __future__ import annotations

import logging
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from httpx2 import TimeoutException, TransportError
from pagerduty import Error, EventsApiV2Client

from alerts.notify.attempts import Answer, Pace, Patience, Persistence, broken, failed, retry_after
from alerts.notify.message import Delivery
from alerts.notify.pagerduty_event import action, body, dedup_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx2 import Response

    from alerts.notify.message import Alert, Parcel

API = "https://events.pagerduty.com"
_FIELDS = ("event_action", "dedup_key", "summary", "source", "severity", "custom_details", "links")
_NOT_PAGERDUTY = "an answer that is not PagerDuty's: is something in between?"


class PagerDutyReceiver:
    """Sends the alerts of a message as an event each."""

    def __init__(
        self,
        routing_key: str,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
        base_url: str | None = None,
    ) -> None:
        self._routing_key = routing_key
        self._base_url = (base_url or API).rstrip("/")
        self._timeout = patience.timeout
        self._persistence = Persistence(patience, sleep, pace)

    def send(self, parcel: Parcel) -> Delivery:
        """Send every event; delivered when all are.

        An event that PagerDuty refuses does not hold up the others. Where none can get through,
        the rest is left: sending all again later makes no second incident.
        """
        if parcel.action == "edit":
            return Delivery("delivered", "an incident is not edited")
        alerts = parcel.message.alerts
        refused: list[Delivery] = []
        with _client(self._routing_key, self._base_url, self._timeout) as client:
            for place, alert in enumerate(alerts):
                delivery = self._persistence.run(partial(self._attempt, client, alert))
                if delivery.outcome == "retryable" or delivery.blocks:
                    return _of_many(delivery, place - len(refused), len(alerts))
                if delivery.failed:
                    refused.append(delivery)
        if refused:
            return _of_many(refused[0], len(alerts) - len(refused), len(alerts))
        return Delivery("delivered", reference=dedup_key(alerts[0]) if len(alerts) == 1 else "")

    def find(self, parcel: Parcel) -> Delivery | None:  # noqa: ARG002 - whatever is asked
        """The Events API cannot be asked, and need not be."""
        return None

    def _attempt(self, client: EventsApiV2Client, alert: Alert) -> Answer:
        try:
            client.send_event(action(alert), dedup_key(alert), **body(alert))
        except Error as error:
            if error.response is None:
                return self._unanswered(error)
            return refusal(error.response)
        return Answer(Delivery("delivered"))

    def _unanswered(self, error: Error) -> Answer:
        cause = error.__cause__
        if isinstance(cause, TimeoutException):
            return failed(TimeoutError(), self._timeout)
        answer = failed(error, self._timeout)
        if isinstance(cause, TransportError) and answer.delivery.uncertain:
            return broken("the connection broke before the answer was complete")
        return answer


def refusal(response: Response) -> Answer:
    """What an answer other than `accepted` means; no text of it is passed on."""
    status = response.status_code
    if status == 429:
        wait = retry_after(dict(response.headers))
        return Answer(Delivery("retryable", "rate limited", blocks=True), wait)
    if status >= 500 or status == 408:
        return broken(f"HTTP {status}")
    if 200 <= status < 300:
        return broken(f"HTTP {status} with {_NOT_PAGERDUTY}")
    if status == 400:
        return _invalid(response)
    return Answer(Delivery("refused", f"HTTP {status}", blocks=status != 413))


def _invalid(response: Response) -> Answer:
    """An event that PagerDuty does not take: because of the routing key, or of its fields."""
    text = response.text[:10_000].lower()
    if re.search(r"\brouting[_ ]key\b", text):
        return Answer(Delivery("refused", "PagerDuty does not know the routing key", blocks=True))
    fields = [name for name in _FIELDS if re.search(rf"\b{name}\b", text)]
    named = f" because of {', '.join(fields)}" if fields else ""
    return Answer(Delivery("refused", f"HTTP 400, the event is not taken{named}"))


def _of_many(delivery: Delivery, accepted: int, total: int) -> Delivery:
    if total == 1:
        return delivery
    detail = f"{accepted} of {total} events accepted: {delivery.detail}"
    return Delivery(delivery.outcome, detail, blocks=delivery.blocks, uncertain=delivery.uncertain)


class _Client(EventsApiV2Client):
    """The client at an address that need not be https: a proxy of one's own, or a test."""

    @property
    def url(self) -> str:
        return self._base

    @url.setter
    def url(self, new_base_url: str) -> None:
        self._base = new_base_url


def _client(routing_key: str, base_url: str, timeout: float) -> Any:
    """A client that tries once and logs nothing."""
    client: Any = _Client(routing_key, base_url=base_url)
    client.timeout = timeout
    client.max_network_attempts = 0
    # A status of which it may have one retry more, and a total below none: so that it returns
    # the answer at once. Without an entry for 429 it would try for ever.
    client.retry = {429: 1}
    client.max_http_attempts = -1
    client.log = _silent()
    return client


def _silent() -> logging.Logger:
    logger = logging.Logger("recwatch.pagerduty", logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger
