"""The project over Spark: raw tables are files there, which nothing can update.

So the tests' raw rows are kept in a DuckDB file, where rows can be inserted and updated as an
application does it, and are handed to Spark as Parquet before each run of dbt.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS, quote
from tests import spark
from tests.project.harness import Project, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

MADE = (*RAW_TABLES, REJECTED_ROWS)


class SparkProject(Project):
    """A `Project` whose marts are on Spark, in the one session of the tests."""

    @property
    def session(self) -> SparkSession:
        return spark.session()

    @property
    def raw_database(self) -> Path:
        """Where the tests' raw rows are; missing where a test loads files."""
        return self.directory / "raw.duckdb"

    @property
    def raw_files(self) -> Path:
        """A directory for each raw table."""
        return self.directory / "raw"

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        connection = duckdb.connect(str(self.raw_database))
        connection.execute("set TimeZone = 'UTC'")
        try:
            yield connection
        finally:
            connection.close()

    def dbt(self, *arguments: str, ok: bool = True) -> Any:
        self.hand_over()
        return super().dbt(*arguments, ok=ok)

    def hand_over(self) -> None:
        """The raw rows as they are now, as files that Spark reads."""
        if not self.raw_database.exists():
            return
        with self.cursor() as cursor:
            for table in MADE:
                directory = self.raw_files / table.name
                new = not directory.exists()
                directory.mkdir(parents=True, exist_ok=True)
                columns = [
                    f"cast({quote(column.name)} as varchar) as {quote(column.name)}"
                    if column.kind in ("document", "list")
                    else quote(column.name)
                    for column in table.columns
                ]
                cursor.execute(
                    f"copy (select {', '.join(columns)}, loaded_at from raw.{table.name})"
                    f" to '{directory}/rows.parquet' (format parquet)"
                )
                if new:
                    self.session.sql("create schema if not exists raw")
                    self.session.sql(
                        f"create table raw.{table.name} using parquet location '{directory}'"
                    )
                else:
                    self.session.sql(f"refresh table raw.{table.name}")

    def execute(self, *statements: str) -> None:
        """Run statements: on the raw rows where they speak of them, else on Spark."""
        for statement in statements:
            if " raw." in statement:
                with self.cursor() as cursor:
                    cursor.execute(statement)
            else:
                self.session.sql(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(map(plain, row)) for row in spark.query(sql)]

    def relations(self, *schemas: str) -> list[str]:
        found = []
        for schema in schemas:
            if self.session.catalog.databaseExists(schema):
                found += [f"{schema}.{t.name}" for t in self.session.catalog.listTables(schema)]
        return sorted(found)

    def columns(self, relation: str) -> list[str]:
        return sorted(self.session.table(relation).columns)

    def partitions(self, relation: str) -> dict[str, frozenset[str]]:
        """The files of each partition of a table, by name: a name never stands for other rows."""
        return {
            partition.name.split("=")[1]: frozenset(file.name for file in partition.iterdir())
            for partition in self.directory_of(relation).iterdir()
            if "=" in partition.name
        }

    def directory_of(self, relation: str) -> Path:
        """Where a table has its files."""
        schema, name = relation.split(".")
        warehouse = Path(self.output["server_side_parameters"]["spark.sql.warehouse.dir"])
        return warehouse / f"{schema}.db" / name
