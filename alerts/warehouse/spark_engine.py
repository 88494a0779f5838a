"""Spark, through a session in this process, as dbt-spark's method `session` has it."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alerts.errors import WarehouseError
from alerts.raw.tables import (
    LOADS,
    RAW_TABLES,
    REJECTED_ROWS,
    create_schema,
    create_table,
    find_table,
    loaded_table,
)
from alerts.warehouse.reading import Reading
from alerts.warehouse.spark_load import DIALECT, SparkWriter
from alerts.warehouse.spark_session import SPARK_ERRORS, condition, reason, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import SparkSession

    from alerts.warehouse.base import Relation
    from alerts.warehouse.profile import Target

_ABSENT = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND")


def connect(target: Target, read_only: bool) -> Spark:
    """Start the session, or join the one that this process has."""
    session, started = session_of(target)
    return Spark(session, f"Spark target {target.name!r}", read_only=read_only, started=started)


class Spark(Reading):
    """A `Warehouse` on a Spark session."""

    dialect = DIALECT
    errors = (*SPARK_ERRORS, ValueError, OverflowError)  # a date that Python cannot hold

    def __init__(
        self, session: SparkSession, place: str, *, read_only: bool, started: bool
    ) -> None:
        self._open: SparkSession | None = session
        self._place = place
        self._read_only = read_only
        self._started = started

    def columns(self, relation: Relation) -> dict[str, str]:
        """Column names and types in order; empty where the relation does not exist."""
        try:
            fields = self._session.table(DIALECT.qualified(relation)).schema.fields
        except SPARK_ERRORS as error:
            if condition(error) in _ABSENT:
                return {}
            raise WarehouseError(f"{self._place}: {relation}: {reason(error)}") from None
        return {field.name: field.dataType.simpleString() for field in fields}

    def create_raw_tables(self, raw_schema: str) -> None:
        """Create the raw schema and tables where they are missing.

        Looks first: each of the statements takes a tenth of a second though there is nothing to do.
        """
        self._refuse_if_reading("cannot create the raw tables")
        try:
            present = self._present(raw_schema)
            statements = [] if LOADS in present else create_schema(raw_schema, "spark")
            for table in (*RAW_TABLES, REJECTED_ROWS):
                if table.name not in present:
                    statements += create_table(table, raw_schema, "spark")
            for statement in statements:
                self._session.sql(statement)
        except SPARK_ERRORS as error:
            raise WarehouseError(
                f"{self._place}: cannot create the raw tables in {raw_schema}: {reason(error)}"
            ) from None

    @contextmanager
    def loading(self, raw_schema: str, table: str) -> Iterator[SparkWriter]:
        """One load of one raw table and `rejected_rows`, seen once `loads` names it."""
        self._refuse_if_reading(f"cannot load into {raw_schema}.{table}")
        try:
            self._refuse_if_not_ours(raw_schema, table)
            writer = SparkWriter(self._session, raw_schema, find_table(table))
            try:
                yield writer
                writer.commit()
            except BaseException:
                with contextlib.suppress(*SPARK_ERRORS):
                    writer.discard()
                raise
        except SPARK_ERRORS as error:
            raise WarehouseError(
                f"{self._place}: cannot load into {raw_schema}.{table}: {reason(error)}"
            ) from None

    def close(self) -> None:
        """Leave the session; it ends if it began here."""
        session, self._open = self._open, None
        if session is not None and self._started:
            with contextlib.suppress(*SPARK_ERRORS):
                session.stop()

    @property
    def _session(self) -> SparkSession:
        if self._open is None:
            raise WarehouseError(f"{self._place}: the connection is closed")
        return self._open

    def _fetch(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        # A time without a zone is compared in the session's, which is anyone's in this process.
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        found = self._session.sql(text, args=list(values)).toArrow()
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def _said(self, error: Exception) -> str:
        return reason(error)

    def _present(self, raw_schema: str) -> dict[str, bool]:
        """What the schema has, by name, and whether that is a view."""
        schema = DIALECT.quote(raw_schema)
        if not self._session.catalog.databaseExists(schema):
            return {}
        views = {row.viewName for row in self._session.sql(f"show views in {schema}").collect()}
        tables = self._session.sql(f"show tables in {schema}").collect()
        return {row.tableName: row.tableName in views for row in tables if not row.isTemporary}

    def _refuse_if_reading(self, what: str) -> None:
        if self._read_only:
            raise WarehouseError(f"{self._place}: {what}: it is open for reading only")

    def _refuse_if_not_ours(self, raw_schema: str, table: str) -> None:
        present = self._present(raw_schema)
        for name in (table, REJECTED_ROWS.name):
            ours = present.get(name, False) and loaded_table(name) in present and LOADS in present
            if not ours:
                raise WarehouseError(
                    f"{self._place}: {raw_schema}.{name} is not a view that recwatch created, and"
                    " on Spark it loads into no other: rename it, or load with a tool of your own"
                )
