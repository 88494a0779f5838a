"""One Slack channel by bot token: the calls, and where a message is looked for."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slack_sdk.web import SlackResponse

API = "https://slack.com/api/"
EVENT = "recwatch"
_ID = re.compile(r"[CDG][A-Z0-9]{1,20}")
# A look-up reads so many pages of so many entries and no more. What was sent by a run that was
# killed is among the newest.
_PAGES = 5
_PAGE = 200


class Channel:
    """Calls of one channel. Every method raises what slack-sdk raises."""

    def __init__(self, token: str, name: str, timeout: float, base_url: str | None) -> None:
        self._name = name
        self._id = name if _ID.fullmatch(name) else ""
        self._client = WebClient(
            token,
            base_url=(base_url or API).rstrip("/") + "/",
            timeout=timeout,  # type: ignore[arg-type]  # urllib takes parts of a second
            retry_handlers=[],
            logger=silent(),
        )
        # slack-sdk takes a proxy from the environment and ignores NO_PROXY; urllib heeds both.
        self._client.proxy = None

    def post(self, content: dict[str, Any], key: str, thread: tuple[str, str] | None) -> str:
        """Post a message that carries the key, in a thread where one is given; its reference."""
        channel, moment = thread or (self._name, None)
        metadata = {"event_type": EVENT, "event_payload": {"key": key}}
        response = self._client.chat_postMessage(
            channel=channel, thread_ts=moment, metadata=metadata, **content
        )
        return _reference(str(response.get("channel") or ""), str(response.get("ts") or ""))

    def edit(self, content: dict[str, Any], thread: tuple[str, str]) -> str:
        """Give a message a new text. Nobody looks for its key any more: it is known as sent."""
        channel, moment = thread
        self._client.chat_update(channel=channel, ts=moment, **content)
        return _reference(channel, moment)

    def find(self, key: str, thread: tuple[str, str] | None) -> str | None:
        """The reference of the message that carries the key; None where none is found."""
        if thread is not None:
            channel, moment = thread
            # An answer whose thread was gone was posted as a message: look there as well.
            try:
                replies = self._replies(channel, moment)
                found = _with_key(replies, key)
            except SlackApiError:
                found = None
            if found is not None:
                return _reference(channel, found)
        channel = self._known_id()
        found = _with_key(self._history(channel), key) if channel else None
        return None if found is None else _reference(channel, found)

    def _known_id(self) -> str:
        """The channel's id, which reading takes; empty where its name is not listed."""
        if not self._id:
            name = self._name.lstrip("#")
            for channel in _entries(self._listed, "channels"):
                if channel.get("name") == name:
                    self._id = str(channel.get("id") or "")
                    break
        return self._id

    def _listed(self, cursor: str) -> SlackResponse:
        try:
            return self._list("public_channel,private_channel", cursor)
        except SlackApiError:
            # Private channels take a scope of their own.
            return self._list("public_channel", cursor)

    def _list(self, types: str, cursor: str) -> SlackResponse:
        return self._client.conversations_list(
            types=types, exclude_archived=True, limit=_PAGE, cursor=cursor
        )

    def _history(self, channel: str) -> Iterator[dict[str, Any]]:
        return _entries(
            lambda cursor: self._client.conversations_history(
                channel=channel, include_all_metadata=True, limit=_PAGE, cursor=cursor
            ),
            "messages",
        )

    def _replies(self, channel: str, moment: str) -> Iterator[dict[str, Any]]:
        return _entries(
            lambda cursor: self._client.conversations_replies(
                channel=channel,
                ts=moment,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor,
            ),
            "messages",
        )


def silent() -> logging.Logger:
    """A logger that reaches nobody: slack-sdk logs addresses and whole answers."""
    logger = logging.Logger("recwatch.slack", logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger


def _entries(page: Callable[[str], SlackResponse], name: str) -> Iterator[dict[str, Any]]:
    """The entries of a bounded number of pages."""
    cursor = ""
    for _ in range(_PAGES):
        response = page(cursor)
        for entry in response.get(name) or []:
            if isinstance(entry, dict):
                yield entry
        following = response.get("response_metadata") or {}
        cursor = str(following.get("next_cursor") or "")
        if not cursor:
            return


def _with_key(messages: Iterator[dict[str, Any]], key: str) -> str | None:
    """The time of the message that carries the key."""
    for message in messages:
        metadata = message.get("metadata") or {}
        carried = metadata.get("event_payload") or {}
        if metadata.get("event_type") == EVENT and carried.get("key") == key:
            return str(message.get("ts") or "")
    return None


def _reference(channel: str, moment: str) -> str:
    return f"{channel}:{moment}" if channel and moment else ""
