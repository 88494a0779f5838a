"""A real HTTP server on loopback that takes messages, and the receiver that posts to it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alerts.notify.message import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from alerts.notify.message import Parcel
    from faults.world import Told


@dataclass
class Inbox:
    """What has arrived, by receiver, in order.

    `on_accept` is called after a message was taken and before it is answered; `down` answers all
    with 503; `hang` lets the named receiver's answers come a byte a second.
    """

    url: str = ""
    taken: list[tuple[str, str, Told]] = field(default_factory=list)
    on_accept: Callable[[int], None] | None = None
    after_answer: Callable[[int], None] | None = None
    down: bool = False
    hang: str = ""

    def copies(self, receiver: str) -> Counter[Told]:
        """How often each thing was told to a receiver."""
        return Counter(told for name, _, told in self.taken if name == receiver)

    def find(self, receiver: str, key: str) -> bool:
        """Whether a delivery has arrived."""
        return any(name == receiver and key == other for name, other, _ in self.taken)


@contextmanager
def serving() -> Iterator[Inbox]:
    """An inbox that listens."""
    inbox = Inbox()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"inbox": inbox}))
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kill(pid: int) -> None:
    """SIGKILL to one process, which may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class HttpReceiver:
    """Posts each message; `findable` says whether it can be asked for one by its key."""

    url: str
    name: str
    findable: bool
    timeout: float = 10.0

    def send(self, parcel: Parcel) -> Delivery:
        """Post it once."""
        (alert,) = parcel.message.alerts
        told = [alert.fingerprint, dict(alert.facts)["since"], alert.kind]
        body = {"receiver": self.name, "key": parcel.key, "told": told, "pid": os.getpid()}
        answer = self._ask("POST", "/", json.dumps(body))
        if answer is None:
            return Delivery("retryable", "the connection broke", blocks=True, uncertain=True)
        if answer >= 500:
            return Delivery("retryable", f"HTTP {answer}", blocks=True)
        return Delivery("delivered", reference=parcel.key)

    def find(self, parcel: Parcel) -> Delivery | None:
        """Ask for it by its key."""
        if not self.findable or self._ask("GET", f"/{self.name}/{parcel.key}") != 200:
            return None
        return Delivery("delivered", reference=parcel.key)

    def _ask(self, method: str, path: str, body: str | None = None) -> int | None:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=self.timeout)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return answer.status


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is the point."""


class _Handler(BaseHTTPRequestHandler):
    inbox: Inbox

    def do_GET(self) -> None:
        """Whether a delivery is here."""
        _, receiver, key = self.path.split("/")
        self._answer(200 if self.inbox.find(receiver, key) else 404)

    def do_POST(self) -> None:
        """Take a message."""
        inbox = self.inbox
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if inbox.down:
            self._answer(503)
            return
        series, since, kind = body["told"]
        inbox.taken.append((body["receiver"], body["key"], (series, since, kind)))
        if inbox.on_accept is not None:
            inbox.on_accept(body["pid"])
        if inbox.hang == body["receiver"]:
            self._drip()
            return
        self._answer(200)
        if inbox.after_answer is not None:
            inbox.after_answer(body["pid"])

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        """A byte a second, for two minutes."""
        with suppress(OSError):
            for _ in range(120):
                self.wfile.write(b"H")
                self.wfile.flush()
                time.sleep(1)


@dataclass
class FindableByKey:
    """A file with a line for each message taken, which can be asked for it by its key."""

    path: Path
    on_send: Callable[[Parcel], None] | None = None

    def send(self, parcel: Parcel) -> Delivery:
        """Write its key."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{parcel.key}\n")
        if self.on_send is not None:
            self.on_send(parcel)
        return Delivery("delivered", reference=parcel.key)

    def find(self, parcel: Parcel) -> Delivery | None:
        """Look for its key."""
        there = self.path.exists() and parcel.key in self.path.read_text(encoding="utf-8").split()
        return Delivery("delivered", reference=parcel.key) if there else None
