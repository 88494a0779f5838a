"""A fresh state on each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from alerts.state.store import Store, open_state
from tests.alerts.state.made import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sqlite_state(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def postgres_state(postgres_settings: dict[str, Any]) -> str:
    one = postgres_settings
    place = f"{one['user']}:{quote(one['password'])}@/{one['dbname']}"
    return f"postgresql://{place}?host={quote(one['host'], safe='')}&port={one['port']}"


@pytest.fixture(params=["sqlite", "postgres"])
def state_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_state")
    return url


@pytest.fixture
def store(state_url: str) -> Iterator[Store]:
    with open_state(state_url, now=NOW) as opened:
        yield opened
