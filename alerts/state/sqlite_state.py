"""The state as a SQLite file: created whole or not at all, checked whenever it is opened."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

from alerts.errors import StateError
from alerts.state.session import DAMAGED, Session, failures
from alerts.state.tables import APPLICATION_ID, META, METADATA, SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

_MAGIC = b"SQLite format 3\0"
# The smallest page there is.
_PAGE = 512
# How long to wait for another program that writes, in milliseconds.
_PATIENCE = 10_000


class _Damage(Exception):  # noqa: N818 - it becomes an error only where it is not mended
    """Why the file cannot be used, where an empty one in its place would help."""


def open_file(path: Path, place: str, *, init: bool) -> Session:
    """The state in a file.

    One that does not exist is created. One that is damaged is a `StateError`, or put aside and
    begun anew where `init`.
    """
    try:
        if not path.exists():
            _require_no_remains(path)
            _create(path, place)
        _check(path, place)
    except _Damage as damage:
        if not init:
            raise StateError(f"{place}: {damage}: {DAMAGED}") from None
        _put_aside(path, place)
        _create(path, place)
        _check(path, place)
    with failures(place):
        return Session(_engine(path).connect(), place)


def _require_no_remains(path: Path) -> None:
    """A log without its file would be taken for the log of the new one."""
    if _beside(path, "-wal").exists():
        raise _Damage(f"it is gone, but {path.name}-wal is there")


def _create(path: Path, place: str) -> None:
    """Under another name first: a run killed in the middle leaves nothing that looks damaged."""
    new = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        with failures(place), closing(_engine(new).connect()) as connection, connection.begin():
            METADATA.create_all(connection)
            connection.exec_driver_sql(f"pragma application_id = {APPLICATION_ID}")
            connection.exec_driver_sql(f"pragma user_version = {SCHEMA_VERSION}")
            rows = {"schema_version": str(SCHEMA_VERSION), "application": "recwatch"}
            rows["tables"] = _digest(connection.exec_driver_sql(_TABLES).fetchall())
            connection.execute(
                META.insert(), [{"name": name, "value": value} for name, value in rows.items()]
            )
        _sync(new, os.O_RDWR)
        _publish(new, path)
        _sync(path.parent, os.O_RDONLY)
    except OSError as error:
        raise StateError(
            f"{place}: it cannot be created ({error.strerror}): check that its directory is "
            "there and may be written"
        ) from None
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                _beside(new, suffix).unlink(missing_ok=True)


def _publish(new: Path, path: Path) -> None:
    """Give it its name, but not over a file that another process made in the meantime."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links.
        new.rename(path)


def _check(path: Path, place: str) -> None:
    """Whether it is ours, whole, of this version, and may be written."""
    try:
        with path.open("rb") as file:
            head = file.read(_PAGE)
    except OSError as error:
        raise StateError(f"{place}: it cannot be read ({error.strerror})") from None
    if not head.startswith(_MAGIC):
        raise _Damage("it is not a SQLite file" if head else "it is empty")
    if len(head) < _PAGE:
        # SQLite takes it for a new file.
        raise _Damage("it is cut off")
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise StateError(
            f"{place}: it cannot be written: check the rights of the file and its directory"
        )
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE / 1000)) as connection:
            _require_ours(connection, place)
            _require_whole(connection)
    except sqlite3.OperationalError as error:
        _sort(error, place)
    except sqlite3.DatabaseError as error:
        raise _Damage(f"it is damaged ({error})") from None


def _sort(error: sqlite3.OperationalError, place: str) -> None:
    """What is in the way, told from what is broken."""
    name = error.sqlite_errorname
    if name.startswith(("SQLITE_BUSY", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_FULL")):
        raise StateError(f"{place}: it cannot be opened ({error}): check its rights and the disk")
    raise _Damage(f"it is damaged ({error})")


def _require_ours(connection: sqlite3.Connection, place: str) -> None:
    (application,) = connection.execute("pragma application_id").fetchone()
    meta: dict[str, str] = {}
    with suppress(sqlite3.DatabaseError, TypeError, ValueError):
        meta = dict(connection.execute("select name, value from meta").fetchall())
    if application != APPLICATION_ID:
        if meta.get("application") == "recwatch":
            raise _Damage("its header is damaged")
        raise StateError(f"{place}: it is another program's SQLite file: name another --state")
    (version,) = connection.execute("pragma user_version").fetchone()
    if str(version) != meta.get("schema_version"):
        raise _Damage("its version is damaged")
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{place}: it is of a newer recwatch (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): update recwatch, or name another --state"
        )


def _require_whole(connection: sqlite3.Connection) -> None:
    answers = connection.execute("pragma integrity_check(1)").fetchall()
    if answers != [("ok",)]:
        raise _Damage(f"it is damaged ({str(answers[0][0]).splitlines()[-1]})")
    if connection.execute("pragma foreign_key_check").fetchone():
        raise _Damage("it is damaged (a row refers to one that is gone)")
    (digest,) = connection.execute("select value from meta where name = 'tables'").fetchone() or (
        "",
    )
    if digest != _digest(connection.execute(_TABLES).fetchall()):
        raise _Damage("its tables are not those that were created")


_TABLES = "select name, sql from sqlite_master order by name"


def _digest(rows: Any) -> str:
    # What SQLite and others add for themselves is not ours to judge.
    ours = {table.name for table in METADATA.tables.values()}
    ours |= {str(index.name) for table in METADATA.tables.values() for index in table.indexes}
    content = "\n".join(f"{name} {sql}" for name, sql in rows if name in ours)
    return hashlib.sha256(content.encode()).hexdigest()


def _put_aside(path: Path, place: str) -> None:
    """Rename file and log to the first `.damaged-N` that is free."""
    number = 1
    while any(_beside(path, f".damaged-{number}{end}").exists() for end in ("", "-wal")):
        number += 1
    aside = _beside(path, f".damaged-{number}")
    try:
        for end in ("-wal", "-shm", ""):
            if _beside(path, end).exists():
                _beside(path, end).rename(_beside(aside, end))
    except OSError as error:
        raise StateError(f"{place}: it cannot be put aside ({error.strerror})") from None


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _engine(path: Path) -> Engine:
    """Connections that write nothing they have not told the disk, and that begin when told to."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _: object) -> None:
        # Python's own way to begin leaves out reading and the tables' creation.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {_PATIENCE}",
            "journal_mode = wal",
            "synchronous = full",
            "foreign_keys = on",
        ):
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.info.get("begin", "BEGIN"))

    return engine
