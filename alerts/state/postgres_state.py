"""The state in Postgres: a schema of its own, and a lock that lives as long as the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from alerts.errors import ConfigurationError, StateError
from alerts.state.lock import held
from alerts.state.session import DAMAGED, Session, failures
from alerts.state.tables import META, METADATA, SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

    from alerts.state.lock import Holder

# Any two numbers, the same for all: who runs holds one, who creates the tables the other.
_RUNNING = 7_265_231
_CREATING = 7_265_232
_FREE = text("select pg_advisory_unlock_all()")
_HOLDERS = text(
    "select a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid"
    " where l.locktype = 'advisory' and l.granted and l.objid = :key and l.classid = 0"
    " and l.database = (select oid from pg_database where datname = current_database())"
)


def open_schema(url: URL, place: str, holder: Holder, *, locked: bool, init: bool) -> Session:
    """The state in a database, the lock taken first where `locked`.

    A schema that is missing or empty is filled; one that lacks tables is a `StateError`, or put
    aside and begun anew where `init`.
    """
    session = Session(_connect(url, place, holder), place, _FREE if locked else None)
    try:
        if locked:
            _lock(session)
        _prepare(session, init=init)
    except BaseException:
        session.close()
        raise
    return session


def _connect(url: URL, place: str, holder: Holder) -> Connection:
    arguments = {
        # Who holds the lock: Postgres keeps 63 bytes of it and shows them to every role.
        "application_name": f"{holder.command} pid {holder.pid} on {holder.host}"[:63],
        "connect_timeout": 10,
        # A host that vanished must not hold the lock for the two hours that are the default.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    try:
        engine = create_engine(
            url, poolclass=NullPool, connect_args=arguments, hide_parameters=True
        )
    except ModuleNotFoundError:
        raise ConfigurationError(
            "a state in Postgres needs psycopg2: run `pip install 'recwatch[postgres]'`"
        ) from None
    try:
        return engine.execution_options(schema_translate_map={None: SCHEMA}).connect()
    except SQLAlchemyError:
        raise StateError(
            f"{place}: it cannot be reached: check that the server is up, the address, the role "
            "and its password"
        ) from None


def _lock(session: Session) -> None:
    with session.reading() as connection:
        taken = connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _RUNNING})
        if not taken:
            names = connection.scalars(_HOLDERS, {"key": _RUNNING}).all()
            raise held(session.place, ", ".join(str(name) for name in names))


def _prepare(session: Session, *, init: bool) -> None:
    with session.writing() as connection:
        # Held until the transaction ends: two first runs must not both create.
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _CREATING})
        present = _present(connection)
        lacking = sorted(set(METADATA.tables) - present)
        if present and lacking:
            if not init:
                raise StateError(
                    f"{session.place}: schema {SCHEMA} lacks {', '.join(lacking)}: {DAMAGED}"
                )
            _put_aside(connection)
            present = set()
        if not present:
            _create(connection)
            return
        _require_version(connection, session.place)


def _present(connection: Connection) -> set[str]:
    query = text("select tablename from pg_tables where schemaname = :schema")
    return {str(name) for name in connection.scalars(query, {"schema": SCHEMA})}


def _create(connection: Connection) -> None:
    # Looks first: `if not exists` asks for rights that a role in a schema made for it lacks.
    exists = text("select 1 from pg_namespace where nspname = :schema")
    if connection.scalar(exists, {"schema": SCHEMA}) is None:
        connection.execute(text(f"create schema {SCHEMA}"))
    METADATA.create_all(connection)
    rows = {"schema_version": str(SCHEMA_VERSION), "application": "recwatch"}
    connection.execute(
        META.insert(), [{"name": name, "value": value} for name, value in rows.items()]
    )


def _put_aside(connection: Connection) -> None:
    query = text("select count(*) from pg_namespace where nspname like :pattern")
    number = connection.scalar(query, {"pattern": rf"{SCHEMA}\_damaged\_%"}) or 0
    connection.execute(text(f"alter schema {SCHEMA} rename to {SCHEMA}_damaged_{number + 1}"))


def _require_version(connection: Connection, place: str) -> None:
    with failures(place):
        found = connection.scalar(
            META.select().where(META.c.name == "schema_version").with_only_columns(META.c.value)
        )
    version = int(found) if found and found.isdigit() else None
    if version is None:
        raise StateError(f"{place}: schema {SCHEMA} has no version: {DAMAGED}")
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{place}: schema {SCHEMA} is of a newer recwatch (version {version}, this one knows "
            f"{SCHEMA_VERSION}): update recwatch, or name another --state"
        )
