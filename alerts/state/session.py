"""One connection to the state, and its failures in words that say what to do."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alerts.errors import StateError
from alerts.state.tables import seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection, Executable, Select, Table

DAMAGED = (
    "put a copy back, or start with an empty state by --init-state, which keeps the damaged one: "
    "what fires is told again then"
)
_SQLITE = {
    "SQLITE_FULL": "the disk is full: make room and run again, nothing is lost",
    "SQLITE_READONLY": "it cannot be written: check the rights of the file and its directory",
    "SQLITE_CANTOPEN": "it cannot be opened: check that its directory is there and its rights",
    "SQLITE_PERM": "it cannot be opened: check the rights of the file",
    "SQLITE_BUSY": "another program is writing it: end that and run again",
    "SQLITE_LOCKED": "another program is writing it: end that and run again",
    "SQLITE_IOERR": "it cannot be read or written: check the disk, its free space and its limits",
    "SQLITE_TOOBIG": "it is too large to be written",
}
_POSTGRES = {
    "53": "the server lacks disk or memory: make room and run again, nothing is lost",
    "42501": "the role lacks rights there: grant it usage and all tables of that schema",
    "25006": "the server is read-only: name one that can be written",
}
_GONE = "the connection broke: run again when the server is up, nothing is lost"


class Session:
    """The connection: everything goes through this one, which in Postgres also holds the lock.

    So a run that lost its lock cannot write either. `farewell` frees the lock: that its client is
    gone a server notices a moment later, and the next run may be there by then.
    """

    def __init__(
        self, connection: Connection, place: str, farewell: Executable | None = None
    ) -> None:
        self.connection = connection
        self.place = place
        self._farewell = farewell
        self._is_broken = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads."""
        with self._whole(), failures(self.place), self.connection.begin():
            yield self.connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, all or nothing."""
        with self._whole(), failures(self.place):
            self.connection.info["begin"] = "BEGIN IMMEDIATE"
            try:
                with self.connection.begin():
                    yield self.connection
            finally:
                if not self.connection.invalidated:
                    self.connection.info.pop("begin", None)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """SQLAlchemy would connect anew after a broken connection; but the lock went with it."""
        if self._is_broken:
            raise StateError(f"{self.place}: {_GONE}")
        try:
            yield
        finally:
            self._is_broken = self.connection.invalidated

    def rows(self, table: Table, query: Select[Any]) -> list[Mapping[str, Any]]:
        """Whole rows of a table, each as it was written."""
        with self.reading() as connection:
            return self.intact(table, connection.execute(query).mappings().all())

    def intact(self, table: Table, rows: Iterable[Mapping[Any, Any]]) -> list[Mapping[str, Any]]:
        """The rows, or a `StateError` where one is not what was written."""
        found: list[Mapping[str, Any]] = [dict(row) for row in rows]
        if any(row["seal"] != seal(table, row) for row in found):
            raise StateError(f"{self.place}: a row of {table.name} is damaged: {DAMAGED}")
        return found

    def close(self) -> None:
        """End the connection; one that broke is ended already."""
        with suppress(SQLAlchemyError, StateError):
            if self._farewell is not None:
                with self.reading() as connection:
                    connection.execute(self._farewell)
        with suppress(SQLAlchemyError):
            self.connection.close()
            self.connection.engine.dispose()


@contextmanager
def failures(place: str) -> Iterator[None]:
    """What the database refuses, as a `StateError`; the text of a driver is not passed on."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StateError(f"{place}: {_words(error)}") from None


def _words(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    name = str(getattr(cause, "sqlite_errorname", "") or "")
    for known, words in _SQLITE.items():
        if name.startswith(known):
            return words
    if name or (cause is not None and type(cause).__module__ == "sqlite3"):
        return f"it is damaged: {DAMAGED}"
    code = str(getattr(cause, "pgcode", "") or "")
    for known, words in _POSTGRES.items():
        if code.startswith(known):
            return words
    if not code or code.startswith(("57P", "08")):
        return _GONE
    return f"the server refuses ({code}): look into its log"
