"""A real HTTP server on loopback in the place of a receiver, with the faults of real ones."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = {"ok": True, "channel": "C1", "ts": "1700000000.000100"}
READING = ("conversations.history", "conversations.replies", "conversations.list")


@dataclass(frozen=True)
class Reply:
    """One answer: `body` as bytes, `declared` a length that differs from the real one.

    `hang`: seconds before it. `drop`: closed without a byte. `trickle`: seconds after each byte.
    `accepts`: whether a message counts as posted; by default where the answer says `ok`.
    """

    status: int = 200
    body: bytes = json.dumps(OK).encode()
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None
    hang: float = 0
    drop: bool = False
    trickle: float = 0
    accepts: bool | None = None

    @classmethod
    def json(cls, content: Any, status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(content).encode(), named)

    def accepted(self) -> bool:
        if self.accepts is not None:
            return self.accepts
        return self.status == 200 and not self.drop and b'"ok": true' in self.body


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """Replies in order, the last one for ever after; remembers every request."""

    replies: list[Reply]
    seen: list[Request] = field(default_factory=list)
    url: str = ""

    def reply(self, request: Request) -> Reply:
        self.seen.append(request)
        return self.next()

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body) for request in self.seen]


@dataclass
class FakeSlack(Site):
    """Slack: what writes is answered as scripted, what reads from what was written.

    `requests`, `paths` and `tokens` are of the calls that write; `lookups` names those that read.
    With `page` entries at a time; `unreadable` lists the calls the token has no scope for.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    page: int = 200

    def reply(self, request: Request) -> Reply:
        method = request.path.rsplit("/", 1)[-1]
        if method in READING:
            self.lookups.append(method)
            return self._read(method, dict(parse_qsl(request.body.decode())))
        self.seen.append(request)
        content = json.loads(request.body)
        self.requests.append(content)
        self.paths.append(request.path)
        self.tokens.append(request.headers.get("Authorization", ""))
        reply = self.next()
        if reply.accepted():
            return self._written(method, content, reply)
        return reply

    def _written(self, method: str, content: dict[str, Any], reply: Reply) -> Reply:
        if method == "chat.update":
            (old,) = [one for one in self.messages if one["ts"] == content["ts"]]
            old.update(content)
            return reply
        moment = f"1700000000.{len(self.messages) + 1:04d}00"
        self.messages.append({**content, "ts": moment})
        if b'"ok": true' not in reply.body or reply.declared is not None:
            return reply
        body = json.dumps({"ok": True, "channel": "C1", "ts": moment}).encode()
        return replace(reply, body=body)

    def _read(self, method: str, asked: dict[str, str]) -> Reply:
        if method in self.unreadable:
            return Reply.json({"ok": False, "error": "missing_scope"})
        if method == "conversations.list":
            others = [{"id": f"C9{n}", "name": f"other-{n}"} for n in range(3)]
            return self._page("channels", [*others, {"id": "C1", "name": "team"}], asked)
        if asked["channel"] != "C1":
            return Reply.json({"ok": False, "error": "channel_not_found"})
        if method == "conversations.history":
            found = [one for one in reversed(self.messages) if "thread_ts" not in one]
        else:
            thread = asked["ts"]
            if not [one for one in self.messages if one["ts"] == thread]:
                return Reply.json({"ok": False, "error": "thread_not_found"})
            found = [one for one in self.messages if thread in {one["ts"], one.get("thread_ts")}]
        if asked.get("include_all_metadata") != "1":
            found = [{**one, "metadata": {}} for one in found]
        return self._page("messages", found, asked)

    def _page(self, name: str, entries: list[dict[str, Any]], asked: dict[str, str]) -> Reply:
        start = int(asked.get("cursor") or 0)
        end = start + min(self.page, int(asked["limit"]))
        cursor = str(end) if end < len(entries) else ""
        following = {"response_metadata": {"next_cursor": cursor}}
        return Reply.json({"ok": True, name: entries[start:end], **following})


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = site.reply(Request(self.command, self.path, dict(self.headers), body))
            if reply.hang:
                time.sleep(reply.hang)
            self.close_connection = True
            if reply.drop:
                return
            self.send_response_only(reply.status)
            length = len(reply.body) if reply.declared is None else reply.declared
            headers = {"Content-Type": "application/json", "Content-Length": str(length)}
            for name, value in {**headers, **reply.headers}.items():
                self.send_header(name, value)
            if not reply.trickle:
                self.end_headers()
                self.wfile.write(reply.body)
                return
            # The head as well: a client that has the status may think itself served.
            head = b"".join(self._headers_buffer) + b"\r\n"
            with suppress(OSError):
                for place in range(len(head + reply.body)):
                    self.wfile.write((head + reply.body)[place : place + 1])
                    time.sleep(reply.trickle)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of http.server

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is part of the test."""


@contextmanager
def serving(site: Site) -> Iterator[None]:
    server = _Server(("127.0.0.1", 0), _handler(site))
    server.block_on_close = False
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def fake_site(*replies: Reply) -> Iterator[Site]:
    site = Site(list(replies))
    with serving(site):
        yield site


@contextmanager
def fake_slack(*replies: Reply) -> Iterator[FakeSlack]:
    slack = FakeSlack(list(replies) or [Reply()])
    with serving(slack):
        yield slack


@dataclass
class Naps:
    """Stands for `sleep` and remembers how long it was asked to."""

    taken: list[float] = field(default_factory=list)

    @property
    def sleep(self) -> Callable[[float], None]:
        return self.taken.append
