"""`recwatch check` as a process of its own, killed in the middle of a delivery."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from faults.services import Slack
from tests.alerts.cli.test_check_state import days
from tests.alerts.notify.server import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.alerts.cli.conftest import Ran
    from tests.alerts.handmade import Marts

PROGRAM = (sys.executable, "-c", "from alerts.cli import main; main(['check'])")


@pytest.fixture
def site(surroundings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    found = Slack([Reply()])
    with serving(found):
        monkeypatch.setenv("RECWATCH_SLACK_BASE_URL", found.url)
        yield found


def killed(site: Slack) -> int:
    """A run that is killed when Slack has its first message, before it is answered."""
    site.trap.set(None)
    with subprocess.Popen(PROGRAM, stdout=subprocess.DEVNULL) as process:
        site.trap.name(process.pid)
        return process.wait(60)


def test_slack_has_it_once_where_its_history_may_be_read(
    empty: Marts, site: Slack, check: Ran, history: Ran
) -> None:
    days(empty, 100, 10)
    assert killed(site) == -signal.SIGKILL
    assert site.posted == ["PAGE: ctr {country=DE}"]
    code, out, err = check()
    assert (code, err) == (0, "")
    assert "as an earlier run had done: PAGE: ctr {country=DE}" in out
    assert site.posted == ["PAGE: ctr {country=DE}"]
    assert [one["kind"] for one in history.json()["entries"]] == ["firing"]


def test_slack_has_one_copy_more_where_it_may_not(empty: Marts, site: Slack, check: Ran) -> None:
    site.unreadable = {"conversations.list", "conversations.history"}
    days(empty, 100, 10)
    assert killed(site) == -signal.SIGKILL
    assert check()[0] == 0
    assert check()[0] == 0
    assert site.posted == ["PAGE: ctr {country=DE}"] * 2


def test_runs_killed_one_after_another_lose_nothing(empty: Marts, site: Slack, check: Ran) -> None:
    for count in (1, 2, 3):
        days(empty, 100, *(10, 100, 10)[:count])
        assert killed(site) == -signal.SIGKILL
    code, _, err = check()
    assert (code, err) == (0, "")
    page, resolved = "PAGE: ctr {country=DE}", "Resolved: ctr {country=DE}"
    assert site.posted == [page, resolved, page]
    assert [one["text"] for one in site.messages] == [resolved, resolved, page]
    assert check()[0] == 0
    assert len(site.posted) == 3
