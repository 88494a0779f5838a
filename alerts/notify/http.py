"""One HTTP request, without redirects: they would turn a POST into a GET and carry secrets off."""

from __future__ import annotations

import base64
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from alerts.notify.attempts import Answer, broken, retry_after
from alerts.notify.message import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.error import HTTPError

_PASSING = {408, 425}
_OF_THE_RECEIVER = {401, 403, 404, 405, 407, 410}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Take the redirect itself for the answer."""


def request(method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> int:
    """Send once and return the status; raises what urllib raises, `HTTPError` from 300 on.

    A name and password in the address are sent as the header they stand for. The body of the
    answer is not read: the status says all.
    """
    plain, authorization = _split(url)
    made = urllib.request.Request(  # noqa: S310 - the scheme was checked where the url was read
        plain, body, {**headers, **authorization}, method=method
    )
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(made, timeout=timeout) as response:
        return int(response.status)


def refusal(error: HTTPError) -> Answer:
    """What a status other than success means; the body is not looked at."""
    with error:
        return answer(error.code, dict(error.headers.items()))


def answer(status: int, headers: Mapping[str, Any]) -> Answer:
    """What a status means to someone who sends."""
    if 200 <= status < 300:
        return Answer(Delivery("delivered"))
    if status == 429:
        return Answer(Delivery("retryable", "rate limited", blocks=True), retry_after(headers))
    if status >= 500 or status in _PASSING:
        return broken(f"HTTP {status}")
    if 300 <= status < 400:
        detail = f"HTTP {status}: give the address it redirects to"
        return Answer(Delivery("refused", detail, blocks=True))
    return Answer(Delivery("refused", f"HTTP {status}", blocks=status in _OF_THE_RECEIVER))


def _split(url: str) -> tuple[str, dict[str, str]]:
    """The address without name and password, and the header that carries them."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, {}
    who, host = parts.netloc.rsplit("@", 1)
    coded = base64.b64encode(unquote(who).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {coded}"}
