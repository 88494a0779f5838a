import logging
import socket
from collections.abc import Iterator

import pytest

from tests.alerts.notify.samples import CANARIES


@pytest.fixture(autouse=True)
def no_secret_shows(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Whatever a test does: no secret on the terminal, none in a log of any level."""
    with caplog.at_level(logging.DEBUG):
        yield
    said = "".join(capfd.readouterr()) + caplog.text
    assert not [secret for secret in CANARIES if secret in said]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def closed_port() -> Iterator[str]:
    """A port that is taken, so that nobody else listens there, but does not listen either."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"
