"""The state store: what is remembered, in SQLite or Postgres. It needs SQLAlchemy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import delete, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from alerts.errors import ConfigurationError, StateError
from alerts.state.journal import Actions, History, Silences, days_before
from alerts.state.lock import FileLock, Holder
from alerts.state.outbox import OUTSTANDING, NewDelivery, Outbox, Waiting
from alerts.state.postgres_state import open_schema
from alerts.state.rows import read_record, record_row
from alerts.state.session import DAMAGED
from alerts.state.sqlite_state import open_file
from alerts.state.tables import DELIVERED, DELIVERIES, RECORDS, SILENCES, TRANSITIONS, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import URL, Connection

    from alerts.state.model import Record, Transition
    from alerts.state.session import Session

__all__ = ["DEFAULT_URL", "NewDelivery", "Store", "Waiting", "open_state"]

DEFAULT_URL = "sqlite:///recwatch-state.db"
# How long what is over is kept, in days: a year can be compared with the one before.
RETENTION = 400


def open_state(
    url: str,
    *,
    now: datetime,
    command: str = "recwatch",
    locked: bool = True,
    init: bool = False,
) -> Store:
    """Open the state, the lock taken first; create it where there is none.

    Args:
        url: `sqlite:///FILE` or `postgresql://…`; a password in it is never shown.
        now: Wall time; it only says since when the lock is held.
        command: Names this run to others who find the state locked.
        locked: False for what only reads, or adds a silence: that may go beside a run.
        init: Put a damaged state aside, under another name, and begin an empty one.

    Raises:
        LockedError: Another run holds the lock.
        StateError: The state is damaged, of a newer schema, somebody else's, read-only or cannot
            be reached.
        ConfigurationError: The URL is none.
    """
    if init and not locked:
        raise ValueError("only who holds the lock may put a state aside")
    where = _parse(url)
    holder = Holder.here(command, now)
    if where.get_backend_name() == "sqlite":
        return _open_file(where, holder, locked=locked, init=init)
    place = f"state {where.render_as_string(hide_password=True)}"
    return Store(open_schema(where, place, holder, locked=locked, init=init))


def _open_file(where: URL, holder: Holder, *, locked: bool, init: bool) -> Store:
    path = Path(str(where.database)).absolute()
    place = f"state {where.database}"
    try:
        if path.is_dir():
            raise StateError(f"{place}: it is a directory: name a file by --state")
    except PermissionError:
        raise StateError(
            f"{place}: its directory may not be entered: check its rights, or name another file"
        ) from None
    lock = None
    if locked:
        lock = FileLock.take(path.with_name(f"{path.name}.lock"), place, holder)
    try:
        return Store(open_file(path, place, init=init), lock)
    except BaseException:
        if lock is not None:
            lock.release()
        raise


def _parse(url: str) -> URL:
    """The URL; no message repeats it, for it may hold a password."""
    wanted = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        # The short form, which libpq reads and SQLAlchemy does not.
        where = make_url(url.strip().replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"the state's URL (--state) cannot be read: {wanted}") from None
    backend = where.get_backend_name()
    if backend == "postgresql":
        return where.set(drivername="postgresql+psycopg2")
    if backend != "sqlite":
        raise ConfigurationError(f"no state in {backend!r} (--state): {wanted}")
    if not where.database or where.database == ":memory:" or where.query:
        raise ConfigurationError(f"the state's URL (--state) names no file: {wanted}")
    return where


class Store:
    """An open state. Close it, or use it with `with`: that frees the lock."""

    def __init__(self, session: Session, lock: FileLock | None = None) -> None:
        self._session = session
        self._lock = lock
        self.outbox = Outbox(session)
        self.history = History(session)
        self.silences = Silences(session)
        self.actions = Actions(session)

    @property
    def place(self) -> str:
        """What messages call it: without a password."""
        return self._session.place

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the connection and free the lock."""
        self._session.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def records(self) -> dict[str, Record]:
        """All that is remembered, by fingerprint."""
        rows = self._session.rows(RECORDS, RECORDS.select())
        try:
            return {row["fingerprint"]: read_record(row) for row in rows}
        except (KeyError, TypeError, ValueError):
            raise StateError(f"{self.place}: a record cannot be read: {DAMAGED}") from None

    def commit_run(
        self,
        records: Iterable[Record],
        transitions: Iterable[Transition],
        deliveries: Iterable[NewDelivery],
        now: datetime,
    ) -> list[str]:
        """Write what a run decided in one transaction: all of it, or nothing.

        Gives the keys of the deliveries in their order.
        """
        with self._session.writing() as connection:
            rows = [sealed(RECORDS, record_row(record, now)) for record in records]
            if rows:
                names = [row["fingerprint"] for row in rows]
                for some in _portions(names):
                    connection.execute(delete(RECORDS).where(RECORDS.c.fingerprint.in_(some)))
                connection.execute(RECORDS.insert(), rows)
            self.history.add(connection, transitions, now)
            return self.outbox.add(connection, deliveries, now)

    def prune(self, now: datetime, days: int = RETENTION) -> int:
        """Delete what is over for longer than that; gives how many transitions and deliveries.

        What tells of an open episode stays, and what waits to be sent, and what that answers.
        """
        before = days_before(now, days)
        records = self.records().values()
        live = {
            (record.fingerprint, one.number)
            for record in records
            for one in (record.episode, record.outage)
            if one is not None
        }
        with self._session.writing() as connection:
            found = connection.execute(
                select(TRANSITIONS.c.id, TRANSITIONS.c.fingerprint, TRANSITIONS.c.episode).where(
                    TRANSITIONS.c.recorded < before
                )
            )
            old = [number for number, *incident in found if tuple(incident) not in live]
            over = _over(connection, before, live)
            for column, gone in ((TRANSITIONS.c.id, old), (DELIVERIES.c.key, over)):
                for some in _portions(gone):
                    connection.execute(delete(column.table).where(column.in_(some)))
            connection.execute(delete(SILENCES).where(SILENCES.c.ends < before))
        return len(old) + len(over)


def _over(connection: Connection, before: str, live: set[tuple[str, int]]) -> list[str]:
    """The keys of the deliveries that nobody will need any more."""
    tells = connection.execute(select(DELIVERED)).all()
    needed = {row.key for row in tells if (row.fingerprint, row.episode) in live}
    waiting = DELIVERIES.c.status.in_(OUTSTANDING)
    needed |= {row.root for row in connection.execute(select(DELIVERIES.c.root).where(waiting))}
    done = select(DELIVERIES.c.key).where(DELIVERIES.c.updated < before, ~waiting)
    return [row.key for row in connection.execute(done) if row.key not in needed]


def _portions(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """SQLite takes only so many parameters in a statement."""
    return (values[start : start + 500] for start in range(0, len(values), 500))
