"""The figures of `make faults` on receivers, smaller, and the table they are written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from faults import __main__ as program
from faults import outages, services
from faults.page import Done, Row, Section, document, measured, sections

if TYPE_CHECKING:
    import pytest

SEED = 20_250_301


def test_runs_killed_when_slack_or_pagerduty_has_the_message() -> None:
    found = services.killed(10, SEED)
    assert found["holds"], found
    assert found["incidents"] > 0


def test_a_receiver_that_was_down_gets_everything_in_its_order() -> None:
    found = outages.down(8, SEED)
    assert found["holds"], found
    assert found["delivered"] > 3


def test_a_run_with_a_receiver_that_hangs() -> None:
    found = outages.hung(2.0, SEED)
    assert found["holds"], found


def rows(found: dict[str, Any]) -> list[Row]:
    return [Row("nothing is lost", "0 lost", f"{found['lost']} of 7", "7", not found["lost"])]


def test_a_figure_that_fails_is_in_the_table_and_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fails = Section("lossy", lambda _: {"lost": 1, "holds": False}, rows)
    monkeypatch.setattr(program, "sections", lambda **_: [fails])
    ran = CliRunner().invoke(program.main, ["--only", "lossy"])
    assert ran.exit_code == 1
    assert "lossy: FAILS" in ran.output
    assert "| nothing is lost | 0 lost | **1 of 7** | 7 | 0 |" in document(
        [measured(fails, SEED)], SEED
    )
    assert CliRunner().invoke(program.main, ["--only", "nonsense"]).exit_code == 2


def test_a_promise_that_no_row_shows_fails_too() -> None:
    hidden = Section("lossy", lambda _: {"lost": 0, "holds": False}, rows)
    done = measured(hidden, SEED)
    assert not done.holds
    assert len(done.rows) == 2


def test_small_and_full_measure_the_same() -> None:
    assert [one.name for one in sections(small=True)] == [one.name for one in sections(small=False)]
    assert Done([], 0.0).holds
