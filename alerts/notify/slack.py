"""Slack as a receiver: by bot token to a channel, or through an incoming webhook.

slack-sdk speaks to Slack; whether to try again is decided here alone. Its default handler posts
a second time when a connection breaks, and the messages of its errors hold addresses and tokens,
so its handlers are off, its logger is silent, and no text of an exception is passed on.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import URLError

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError, SlackClientError

from alerts.notify.message import Delivery, Outcome
from alerts.notify.slack_payload import payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerts.notify.message import Parcel

API = "https://slack.com/api/"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
_PASSING = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"}
_PASSING |= {"request_timeout", "team_added_to_org"}
# What can go wrong below slack-sdk: the network, a half answer, an answer that is not text or
# not the JSON it reads (an AttributeError from within it).
_FAILURES = (OSError, HTTPException, ValueError, LookupError, AttributeError, SlackClientError)
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "the host name cannot be resolved"),
    (ssl.SSLError, "no secure connection: check the certificates and any proxy"),
    (HTTPException, "the connection broke before the answer was complete"),
    (ConnectionError, "the connection broke before the answer was complete"),
    (OSError, "no connection"),
)
_UNREADABLE = "the answer cannot be read"


@dataclass(frozen=True)
class Patience:
    """How long to try: attempts, seconds per answer, first pause, pauses in all, pace."""

    attempts: int = 3
    timeout: int = 10
    backoff: float = 1.0
    longest_wait: float = 30.0
    # Slack takes one message a second and channel.
    pace: float = 1.0


@dataclass(frozen=True)
class Answer:
    """One attempt: what came of it, and how long the other side asks to wait."""

    outcome: Outcome
    detail: str = ""
    reference: str = ""
    wait: float | None = None


class Transport(Protocol):
    """One way to Slack."""

    def post(self, content: dict[str, Any]) -> Answer:
        """Post once; whatever happens becomes an answer."""
        ...


class SlackReceiver:
    """Sends messages through a transport, again where that can help."""

    def __init__(
        self,
        transport: Transport,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._patience = patience
        self._sleep = sleep
        self._last: float | None = None

    def find(self, parcel: Parcel) -> Delivery | None:  # noqa: ARG002
        """Not asked yet."""
        return None

    def send(self, parcel: Parcel) -> Delivery:
        """Deliver one message within the bounds of patience."""
        content = payload(parcel.message)
        room = self._patience.longest_wait
        attempt = 0
        while True:
            attempt += 1
            self._keep_pace()
            answer = self._transport.post(content)
            if answer.outcome != "retryable" or attempt >= self._patience.attempts:
                return Delivery(answer.outcome, answer.detail, answer.reference)
            wait = answer.wait
            if wait is None:
                wait = self._patience.backoff * 2 ** (attempt - 1)
            if wait > room:
                return Delivery("retryable", f"{answer.detail}, asked to wait {wait:.0f} s")
            room -= wait
            self._sleep(wait)

    def _keep_pace(self) -> None:
        now = time.monotonic()
        if self._last is not None and now - self._last < self._patience.pace:
            self._sleep(self._patience.pace - (now - self._last))
        self._last = time.monotonic()


class TokenTransport:
    """`chat.postMessage` with a bot token."""

    def __init__(
        self, token: str, channel: str, patience: Patience, base_url: str | None = None
    ) -> None:
        self._channel = channel
        self._timeout = patience.timeout
        self._client = WebClient(
            token,
            base_url=(base_url or API).rstrip("/") + "/",
            timeout=patience.timeout,
            retry_handlers=[],
            logger=_silent(),
        )
        # slack-sdk takes a proxy from the environment and ignores NO_PROXY; urllib heeds both.
        self._client.proxy = None

    def post(self, content: dict[str, Any]) -> Answer:
        """Post once to the channel."""
        try:
            response = self._client.chat_postMessage(channel=self._channel, **content)
        except SlackApiError as error:
            response = error.response
            code = response.data.get("error") if isinstance(response.data, dict) else None
            return _refusal(response.status_code, str(code or ""), response.headers)
        except _FAILURES as error:
            return Answer("retryable", failure(error, self._timeout))
        return Answer("delivered", reference=str(response.get("ts") or ""))


class WebhookTransport:
    """An incoming webhook; the channel is the webhook's own."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._timeout = patience.timeout
        self._client = WebhookClient(
            url, timeout=patience.timeout, retry_handlers=[], logger=_silent()
        )
        self._client.proxy = None

    def post(self, content: dict[str, Any]) -> Answer:
        """Post once to the webhook."""
        try:
            response = self._client.send_dict(content)
        except _FAILURES as error:
            return Answer("retryable", failure(error, self._timeout))
        body = str(response.body).strip()
        if response.status_code == 200 and body == "ok":
            return Answer("delivered")
        return _refusal(response.status_code, body, response.headers)


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """The seconds to wait, where the header is a plain number of them; a date is not."""
    for name, value in headers.items():
        text = str(value[0] if isinstance(value, list) and value else value).strip()
        if name.lower() == "retry-after" and re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text):
            return float(text)
    return None


def failure(error: BaseException, timeout: float) -> str:
    """What went wrong below HTTP, in our words: an exception's own may hold an address."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:g} s"
    return next((words for kind, words in _WORDS if isinstance(reason, kind)), _UNREADABLE)


def _refusal(status: int, code: str, headers: Mapping[str, Any]) -> Answer:
    """What an answer other than Slack's `ok` means."""
    known = code if _CODE.fullmatch(code) else ""
    if status == 429 or known in {"ratelimited", "rate_limited"}:
        return Answer("retryable", "rate limited", wait=retry_after(headers))
    if status >= 500:
        return Answer("retryable", f"HTTP {status}")
    if known in _PASSING:
        return Answer("retryable", known)
    if status == 200 and not known:
        return Answer("retryable", "HTTP 200 without Slack's answer: is something in between?")
    return Answer("refused", known or f"HTTP {status}")


def _silent() -> logging.Logger:
    """A logger that reaches nobody: slack-sdk logs addresses and whole answers."""
    logger = logging.Logger("recwatch.slack", logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger
