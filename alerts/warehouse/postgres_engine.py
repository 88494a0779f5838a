"""Postgres 15 and newer, Supabase included."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.csv

from alerts.errors import ConfigurationError, WarehouseError
from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS, RawTable, create_table, find_table
from alerts.warehouse.base import Relation
from alerts.warehouse.reading import Reading
from alerts.warehouse.sql import Dialect, Query, first_line
from alerts.warehouse.writing import rejected_rows

try:
    import psycopg2
    import psycopg2.errors
except ModuleNotFoundError:
    raise ConfigurationError(
        "a Postgres target needs psycopg2: run `pip install 'recwatch[postgres]'`"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class in lower case
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

    from alerts.warehouse.profile import Target

_DIALECT = Dialect("%s", "postgres")
# Any number, the same for all loaders: who creates the raw tables holds it.
_CREATING = 7_265_119
# How long a rebuild may hold a mart before reading it is given up.
_LOCK_SECONDS = 20
_PASSED_ON = (
    "host", "port", "user", "sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle",
)  # fmt: skip


def connect(target: Target, read_only: bool) -> Postgres:
    """Connect as dbt-postgres does, with ten seconds' patience where the profile sets none."""
    settings = target.settings
    password = settings.get("password") or settings.get("pass")
    database = settings.get("dbname") or settings.get("database")
    arguments = {name: settings[name] for name in _PASSED_ON if settings.get(name) is not None}
    place = f"Postgres {settings.get('host')}:{settings.get('port', 5432)}/{database}"
    try:
        connection = psycopg2.connect(
            **arguments,
            password=password,
            dbname=database,
            connect_timeout=settings.get("connect_timeout") or 10,
            application_name="recwatch",
        )
    except (psycopg2.Error, TypeError, ValueError) as error:
        raise WarehouseError(
            f"cannot reach {place} (target {target.name!r}): {first_line(error, password)}"
        ) from None
    try:
        # Not as a start-up option: poolers refuse those.
        with connection, connection.cursor() as cursor:
            cursor.execute("set TimeZone = 'UTC'")
            if settings.get("role"):
                cursor.execute(f"set role {_DIALECT.quote(str(settings['role']))}")
        connection.set_session(readonly=read_only)
    except psycopg2.Error as error:
        connection.close()
        raise WarehouseError(f"{place}: {first_line(error, password)}") from None
    return Postgres(connection, place)


class ExperimentVersion(NamedTuple):
    """A row of the raw table `experiments`, as far as it takes to pause it."""

    experiment_key: str
    status: str
    updated_at: datetime
    loaded_at: datetime


class Postgres(Reading):
    """A `Warehouse` on a Postgres database."""

    dialect = _DIALECT
    errors = (psycopg2.Error,)

    def __init__(self, connection: Connection, place: str) -> None:
        self._connection = connection
        self._place = place
        self._in_snapshot = False

    def columns(self, relation: Relation) -> dict[str, str]:
        """Column names and types in order; empty where the relation does not exist."""
        # Not information_schema, which hides what the role may not read: then the message
        # would say "does not exist" instead of "permission denied".
        query = (
            "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a"
            " join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped"
            " and c.relkind in ('r', 'p', 'v', 'm', 'f') order by a.attnum"
        )
        try:
            return dict(self._fetch(query, [relation.schema, relation.name]))
        except psycopg2.Error as error:
            raise WarehouseError(f"{self._place}: {first_line(error)}") from None

    def create_raw_tables(self, raw_schema: str) -> None:
        """Create the raw schema and tables where they are missing.

        Looks first: `create … if not exists` asks for privileges that a role which only loads
        need not have.
        """
        try:
            present = self._present(raw_schema)
            absent = [table for table in (*RAW_TABLES, REJECTED_ROWS) if table.name not in present]
            if not absent:
                return
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute("select pg_advisory_xact_lock(%s)", [_CREATING])
                if not present and not self._has_schema(raw_schema):
                    cursor.execute(f"create schema if not exists {_DIALECT.quote(raw_schema)}")
                for table in absent:
                    for statement in create_table(table, raw_schema, "postgres"):
                        cursor.execute(statement)
        except psycopg2.Error as error:
            raise WarehouseError(
                f"{self._place}: cannot create the raw tables in {raw_schema}: {first_line(error)}"
            ) from None

    @contextmanager
    def loading(self, raw_schema: str, table: str) -> Iterator[PostgresWriter]:
        """Stage everything in temporary tables, then move it in one brief transaction.

        Brief, because `loaded_at` is that transaction's start: a nightly run that reads while it
        is open must see those rows next time, and looks back only so far.
        """
        writer = PostgresWriter(self._connection, raw_schema, find_table(table))
        try:
            try:
                writer.stage()
                yield writer
                writer.move()
            finally:
                self._clean_up(writer)
        except psycopg2.Error as error:
            raise WarehouseError(
                f"{self._place}: cannot load into {raw_schema}.{table}: {first_line(error)}"
            ) from None

    def experiment_version(self, raw_schema: str, key: str) -> ExperimentVersion | None:
        """The newest version of an experiment; None where there is none.

        Needs `select` on experiment_key, status, updated_at and loaded_at, and no more.
        """
        relation = Relation(raw_schema, "experiments")
        text = (
            f"select status, updated_at, loaded_at from {_DIALECT.qualified(relation)}"  # noqa: S608
            " where experiment_key = %s order by updated_at desc nulls last, loaded_at desc limit 1"
        )
        try:
            rows = self._fetch(text, [key])
        except psycopg2.Error as error:
            raise WarehouseError(
                f"{self._place}: cannot read {relation}: {first_line(error)}"
            ) from None
        return ExperimentVersion(key, *rows[0]) if rows else None

    def pause_experiment(self, raw_schema: str, version: ExperimentVersion) -> bool:
        """Set a running version's status to paused, if it is the newest and as it was read.

        Nothing else of it changes but `loaded_at`, by which the marts notice it. In one statement,
        so that whoever changed the experiment in between is not overruled. False where nothing was
        changed. Needs `update` on status and loaded_at.
        """
        relation = Relation(raw_schema, "experiments")
        table = _DIALECT.qualified(relation)
        text = (
            f"update {table} set status = 'paused', loaded_at = now()"  # noqa: S608 - all quoted
            " where experiment_key = %s and updated_at = %s and loaded_at = %s"
            f" and status = 'running' and not exists (select from {table} as newer"
            " where newer.experiment_key = %s and newer.updated_at > %s)"
        )
        key, updated = version.experiment_key, version.updated_at
        try:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(text, [key, updated, version.loaded_at, key, updated])
                return bool(cursor.rowcount)
        except psycopg2.Error as error:
            raise WarehouseError(
                f"{self._place}: cannot pause {key!r} in {relation}: {first_line(error)}"
            ) from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _clean_up(self, writer: PostgresWriter) -> None:
        """Drop the staging tables; they end with a lost session anyway."""
        if not self._connection.closed:
            self._connection.rollback()
            writer.drop()

    def _present(self, raw_schema: str) -> set[str]:
        return {
            name
            for (name,) in self._fetch(
                "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                " where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'f')",
                [raw_schema],
            )
        }

    def _has_schema(self, raw_schema: str) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute("select 1 from pg_namespace where nspname = %s", [raw_schema])
            return cursor.fetchone() is not None

    def _unreadable(self, relation: Relation, query: Query, error: Exception) -> WarehouseError:
        if isinstance(error, psycopg2.OperationalError):
            return WarehouseError(f"{self._place}: {first_line(error)}")
        return super()._unreadable(relation, query, error)

    @contextmanager
    def snapshot(self, relations: Sequence[Relation]) -> Iterator[None]:
        """One transaction that sees one state of the relations.

        `repeatable read` alone does not do: names are looked up anew by each statement, and a
        table that was dropped and made again since the snapshot is found, and empty. So they are
        locked first, against nothing but that, and the snapshot is taken after.
        """
        try:
            self._connection.set_session(isolation_level="REPEATABLE READ")
            with self._connection.cursor() as cursor:
                cursor.execute(f"set local lock_timeout = '{_LOCK_SECONDS}s'")
                for relation in relations:
                    self._hold(cursor, relation)
        except psycopg2.Error as error:
            raise WarehouseError(f"{self._place}: {first_line(error)}") from None
        self._in_snapshot = True
        try:
            yield
        finally:
            self._in_snapshot = False
            if not self._connection.closed:
                self._connection.rollback()
                self._connection.set_session(isolation_level="DEFAULT")

    def _hold(self, cursor: Cursor, relation: Relation) -> None:
        """Lock a relation against being replaced, if it is there and may be read."""
        cursor.execute("savepoint recwatch_hold")
        try:
            cursor.execute(f"lock table {_DIALECT.qualified(relation)} in access share mode")
        except psycopg2.OperationalError as error:
            # Somebody else has it for longer than we wait: reading it will say so.
            if not isinstance(error, psycopg2.errors.LockNotAvailable):
                raise
            cursor.execute("rollback to savepoint recwatch_hold")
        except psycopg2.ProgrammingError:
            cursor.execute("rollback to savepoint recwatch_hold")
        cursor.execute("release savepoint recwatch_hold")

    def _fetch(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        if self._in_snapshot:
            return self._fetch_within(text, values)
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(text, list(values))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _fetch_within(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement in the transaction, which outlives a statement that fails."""
        with self._connection.cursor() as cursor:
            cursor.execute("savepoint recwatch_read")
            try:
                cursor.execute(text, list(values))
                rows: list[tuple[Any, ...]] = cursor.fetchall()
            except psycopg2.Error:
                if not self._connection.closed:
                    cursor.execute("rollback to savepoint recwatch_read")
                raise
            cursor.execute("release savepoint recwatch_read")
        return rows


class PostgresWriter:
    """A `RawWriter` that stages with COPY."""

    def __init__(self, connection: Connection, raw_schema: str, table: RawTable) -> None:
        self._connection = connection
        # Staging table -> (relation it is for, its columns). Raw tables of the user's own may
        # have other types (uuid): the staging table takes them over.
        self._staging = {
            f"recwatch_stage_{which.name}": (
                _DIALECT.qualified(Relation(raw_schema, which.name)),
                _DIALECT.quoted(which.names),
            )
            for which in (table, REJECTED_ROWS)
        }
        self._rows, self._rejected = self._staging
        self._table = table

    def stage(self) -> None:
        """Create the staging tables, seen by this session only."""
        self._execute(
            f"create temporary table {stage} as select {listed} from {relation} with no data"  # noqa: S608
            for stage, (relation, listed) in self._staging.items()
        )

    def move(self) -> None:
        """Insert what is staged, `loaded_at` being the start of this transaction."""
        self._execute(
            f"insert into {relation} ({listed}, loaded_at) select {listed}, now() from {stage}"  # noqa: S608
            for stage, (relation, listed) in self._staging.items()
        )

    def drop(self) -> None:
        """Drop the staging tables."""
        self._execute(f"drop table if exists {stage}" for stage in self._staging)

    def accept(self, batch: pa.RecordBatch) -> None:
        """Stage typed rows."""
        self._copy(self._rows, pa.Table.from_batches([batch]))

    def reject(self, rows: Iterator[tuple[str, int, str, str]]) -> None:
        """Stage rejected rows."""
        self._copy(self._rejected, rejected_rows(self._table, rows))

    def _copy(self, stage: str, rows: pa.Table) -> None:
        """COPY as CSV: Arrow quotes every text and no null, just as Postgres tells them apart."""
        buffer = io.BytesIO()
        pyarrow.csv.write_csv(
            rows, buffer, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        )
        buffer.seek(0)
        with self._connection, self._connection.cursor() as cursor:
            cursor.copy_expert(f"copy {stage} from stdin (format csv)", buffer, size=1 << 16)

    def _execute(self, statements: Iterator[str]) -> None:
        with self._connection, self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
