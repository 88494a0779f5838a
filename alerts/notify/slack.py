"""Slack as a receiver: by bot token to a channel, or through an incoming webhook.

slack-sdk speaks to Slack; whether to try again is decided here alone. Its default handler posts
a second time when a connection breaks, and the messages of its errors hold addresses and tokens,
so its handlers are off, its logger is silent, and no text of an exception is passed on.

What a receiver promises: with a bot token that may read the channel's history, a message stands
there once, whenever the program was killed. Without it, and through a webhook, there is at most
one copy more for every kill between Slack's taking the message and our writing that down.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from slack_sdk import WebhookClient
from slack_sdk.errors import SlackApiError

from alerts.notify.attempts import Answer, Pace, Patience, Persistence, looked_up
from alerts.notify.message import Delivery
from alerts.notify.slack_answers import GONE, refusal
from alerts.notify.slack_channel import Channel, silent
from alerts.notify.slack_payload import edited, payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.notify.message import Parcel

__all__ = ["Pace", "Patience", "SlackReceiver", "TokenTransport", "WebhookTransport"]

_REFERENCE = re.compile(r"([A-Z0-9]{2,20}):(\d{1,12}\.\d{1,9})")


class Transport(Protocol):
    """One way to Slack."""

    def attempt(self, parcel: Parcel) -> Answer:
        """Do once what the parcel asks for; anything raised counts as a failed attempt."""
        ...

    def find(self, parcel: Parcel) -> Delivery | None:
        """Look for the parcel; anything raised counts as not found."""
        ...


class SlackReceiver:
    """Sends messages through a transport, again where that can help."""

    def __init__(
        self,
        transport: Transport,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self._transport = transport
        self._timeout = patience.timeout
        self._persistence = Persistence(patience, sleep, pace or Pace(patience.pace, sleep))

    def send(self, parcel: Parcel) -> Delivery:
        """Deliver one message within the bounds of patience."""
        return self._persistence.run(
            partial(self._transport.attempt, parcel), partial(self._transport.find, parcel)
        )

    def find(self, parcel: Parcel) -> Delivery | None:
        """Look in the channel or the thread, where its history may be read."""
        return looked_up(partial(self._transport.find, parcel), self._timeout)


class TokenTransport:
    """A channel by bot token: posts, answers in threads, edits, and is asked what it holds."""

    def __init__(
        self, token: str, channel: str, patience: Patience, base_url: str | None = None
    ) -> None:
        self._channel = Channel(token, channel, patience.timeout, base_url)

    def attempt(self, parcel: Parcel) -> Answer:
        """Post, answer or edit once."""
        thread = _thread(parcel)
        content = payload(parcel.message)
        if parcel.action == "edit":
            return self._edit(thread, content)
        answer = self._try(partial(self._channel.post, content, parcel.key, thread))
        if thread is None or answer.delivery.detail not in GONE:
            return answer
        # Somebody deleted or locked the thread: an alert must not be lost for that.
        return self._try(partial(self._channel.post, content, parcel.key, None))

    def find(self, parcel: Parcel) -> Delivery | None:
        """Look for the key. An edit is not looked for: doing it again changes nothing."""
        if parcel.action == "edit":
            return None
        reference = self._channel.find(parcel.key, _thread(parcel))
        return None if reference is None else Delivery("delivered", reference=reference)

    def _edit(self, thread: tuple[str, str] | None, content: dict[str, Any]) -> Answer:
        if thread is None:
            return Answer(Delivery("delivered", "no message of Slack's to edit"))
        answer = self._try(partial(self._channel.edit, edited(content), thread))
        if answer.delivery.detail in GONE:
            # What it would have shown stands in the thread; nothing is lost.
            return Answer(Delivery("delivered", f"not edited: {answer.delivery.detail}"))
        return answer

    def _try(self, call: Callable[[], str]) -> Answer:
        try:
            return Answer(Delivery("delivered", reference=call()))
        except SlackApiError as error:
            response = error.response
            code = response.data.get("error") if isinstance(response.data, dict) else None
            return refusal(response.status_code, str(code or ""), response.headers)


class WebhookTransport:
    """An incoming webhook: the channel is the webhook's own, and posts are all it can do."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._client = WebhookClient(
            url,
            timeout=patience.timeout,  # type: ignore[arg-type]  # urllib takes parts of a second
            retry_handlers=[],
            logger=silent(),
        )
        self._client.proxy = None

    def attempt(self, parcel: Parcel) -> Answer:
        """Post once to the webhook; an answer in a thread becomes a post."""
        if parcel.action == "edit":
            return Answer(Delivery("delivered", "a webhook cannot edit"))
        response = self._client.send_dict(payload(parcel.message))
        body = str(response.body).strip()
        if response.status_code == 200 and body == "ok":
            return Answer(Delivery("delivered"))
        return refusal(response.status_code, body, response.headers)

    def find(self, parcel: Parcel) -> Delivery | None:  # noqa: ARG002 - whatever is asked
        """A webhook cannot be asked."""
        return None


def _thread(parcel: Parcel) -> tuple[str, str] | None:
    """Channel and time of the message that is meant; None where it is none of Slack's."""
    found = _REFERENCE.fullmatch(parcel.thread) if parcel.action != "post" else None
    return (found[1], found[2]) if found else None
