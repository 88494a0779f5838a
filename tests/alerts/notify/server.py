"""A real HTTP server on loopback in the place of Slack."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = {"ok": True, "channel": "C1", "ts": "1700000000.000100"}


@dataclass(frozen=True)
class Reply:
    """One answer: `body` as bytes, `declared` a length that differs from the real one."""

    status: int = 200
    body: bytes = json.dumps(OK).encode()
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None
    hang: float = 0
    drop: bool = False

    @classmethod
    def json(cls, content: Any, status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(content).encode(), named)


@dataclass
class FakeSlack:
    """Replies in order, the last one for ever after; remembers every request."""

    replies: list[Reply]
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    url: str = ""

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def _handler(slack: FakeSlack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            slack.requests.append(json.loads(body))
            slack.paths.append(self.path)
            slack.tokens.append(self.headers.get("Authorization", ""))
            reply = slack.next()
            if reply.hang:
                time.sleep(reply.hang)
            if reply.drop:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            length = len(reply.body) if reply.declared is None else reply.declared
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is part of the test."""


@contextmanager
def fake_slack(*replies: Reply) -> Iterator[FakeSlack]:
    slack = FakeSlack(list(replies) or [Reply()])
    server = _Server(("127.0.0.1", 0), _handler(slack))
    server.block_on_close = False
    slack.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Naps:
    """Stands for `sleep` and remembers how long it was asked to."""

    taken: list[float] = field(default_factory=list)

    @property
    def sleep(self) -> Callable[[float], None]:
        return self.taken.append
