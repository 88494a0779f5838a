"""A webhook as a receiver: each message as JSON by POST.

The key goes along as `Idempotency-Key`, so that the other side can drop what comes twice: it
cannot be asked what it has, and gets a message again after a kill or a broken connection.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.error import HTTPError

from alerts.notify import http
from alerts.notify.attempts import Answer, Pace, Patience, Persistence
from alerts.notify.document import encoded
from alerts.notify.message import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.notify.message import Parcel


class WebhookReceiver:
    """Posts to one address."""

    def __init__(
        self,
        url: str,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self._url = url
        self._timeout = patience.timeout
        self._persistence = Persistence(patience, sleep, pace)

    def send(self, parcel: Parcel) -> Delivery:
        """Post one message within the bounds of patience."""
        return self._persistence.run(partial(self._attempt, parcel))

    def find(self, parcel: Parcel) -> Delivery | None:  # noqa: ARG002 - whatever is asked
        """A webhook cannot be asked."""
        return None

    def _attempt(self, parcel: Parcel) -> Answer:
        headers = {"Content-Type": "application/json", "Idempotency-Key": parcel.key}
        try:
            http.request("POST", self._url, encoded(parcel), headers, self._timeout)
        except HTTPError as error:
            return http.refusal(error)
        return Answer(Delivery("delivered"))
