"""Marts for the tests of the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.alerts.runner.trials import Trials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.alerts.handmade import Marts


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    return Trials(tmp_path / "marts.duckdb")


@pytest.fixture
def marts(trials: Trials) -> Marts:
    return trials
