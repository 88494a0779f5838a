"""Marts for the tests of the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.alerts.handmade import Marts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def marts(tmp_path: Path) -> Marts:
    return Marts(tmp_path / "marts.duckdb")
