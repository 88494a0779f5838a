"""What tests need of Spark: whether it can run here, one small fast session, an empty warehouse."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

CATALOG = os.environ.get("RECWATCH_TEST_SPARK_CATALOG", "in-memory")
METASTORE = "jdbc:derby:memory:metastore;create=true"  # Hive's; it ends with the process
# Of 280 archives those that most classes are in, to be looked into first: each class that Spark
# compiles against is looked for anew.
ARCHIVES = (
    *("spark-catalyst_", "spark-sql_", "spark-sql-api_", "spark-core_", "spark-unsafe_"),
    *("spark-common-utils_", "scala-library", "hadoop-client-api", "parquet-hadoop"),
)
# A file system that takes the right of a file for given: for each file and directory Hadoop would
# start a `chmod`, and write a file of check sums.
FILE_SYSTEM = """
package recwatch;
public class PlainFileSystem extends org.apache.hadoop.fs.RawLocalFileSystem {
    public void setPermission(
        org.apache.hadoop.fs.Path path, org.apache.hadoop.fs.permission.FsPermission permission) {}
}
"""
# For a test of the fixture `target`, which has Spark only where asked: seconds for each test.
TOO = pytest.mark.parametrize("target", ["duckdb", "postgres", "spark"], indirect=True)


def unavailable() -> str | None:
    """Why Spark cannot run here; None where it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark not found: the Spark part is skipped"
    from alerts.warehouse.spark_session import JAVA_NEEDED, java_version

    if (java_version() or 0) < JAVA_NEEDED:
        return f"Java {JAVA_NEEDED} not found: the Spark part is skipped"
    return None


def output(directory: Path, catalog: str = CATALOG) -> dict[str, Any]:
    """The output of a dbt profile for a Spark whose files are all in `directory`.

    Everything here makes small jobs fast: most of a test's time goes to starting, planning and
    compiling, next to none to the rows. The catalogue is Spark's own, in memory, since a third of
    all goes to Hive's; RECWATCH_TEST_SPARK_CATALOG=hive takes that of the shipped profile, which
    else only the cluster's test has.
    """
    return {
        "type": "spark",
        "method": "session",
        "host": "localhost",
        "schema": "default",
        "threads": 1,
        "server_side_parameters": {
            "spark.master": "local[2]",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1500m",
            "spark.driver.extraClassPath": archives(),
            "spark.driver.extraJavaOptions": (
                f'"-Dderby.system.home={directory}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
                # What this compiler may keep by default is full after a hundred models, and is
                # then compiled over and over, at half the process's time.
                " -XX:ReservedCodeCacheSize=256m -Xmn500m"
                # Spark's own classes need no proof that they are well formed.
                " -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
            ),
            "spark.local.dir": str(directory / "local"),
            "spark.log.level": "ERROR",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            # A page for each aggregate, sort and broadcast of every task: by default 32 MB, which
            # hold a few rows here and keep the garbage collector busy.
            "spark.buffer.pageSize": "1m",
            "spark.default.parallelism": "1",
            "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
            "spark.sql.warehouse.dir": str(directory / "warehouse"),
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.sources.partitionOverwriteMode": "dynamic",
            "spark.sql.variant.allowDuplicateKeys": "true",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.wholeStage": "false",
            # What has been compiled for a model's first run serves the next ones.
            "spark.sql.codegen.cache.maxEntries": "20000",
            # What holds of each column is not derived, and plans are not checked once more.
            "spark.sql.constraintPropagation.enabled": "false",
            "spark.sql.lightweightPlanChangeValidation": "false",
            # The files of a month's days are listed here and now, not by a job.
            "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
            "spark.sql.catalogImplementation": catalog,
            "spark.hadoop.javax.jdo.option.ConnectionURL": METASTORE,
        },
    }


def archives() -> str:
    """The class path of `ARCHIVES`."""
    import pyspark

    jars = Path(pyspark.__file__).parent / "jars"
    return ":".join(str(path) for name in ARCHIVES for path in sorted(jars.glob(f"{name}*")))


@contextmanager
def running(settings: dict[str, Any]) -> Iterator[None]:
    """One session for all that this process does: who joins it does not stop it."""
    from alerts.warehouse import Target
    from alerts.warehouse.spark_session import session_of

    session, _ = session_of(Target("spark", "spark", settings))
    try:
        use_plain_files(session)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(session), "sql", without_call_sites(type(session).sql))
            yield
    finally:
        session.stop()


def without_call_sites(sql: Any) -> Any:
    """`SparkSession.sql` whose jobs bear a name: Spark walks the stack to find one for each."""

    def run(self: SparkSession, *arguments: Any, **more: Any) -> Any:
        for form in ("short", "long"):
            self.sparkContext.setLocalProperty(f"callSite.{form}", "a test")
        return sql(self, *arguments, **more)

    return run


def use_plain_files(session: SparkSession) -> None:
    """Let the session's JVM have a `FILE_SYSTEM` for all that is local."""
    java, new_array = session._jvm, session.sparkContext._gateway.new_array

    def array(kind: Any, *values: Any) -> Any:
        made = new_array(kind, len(values))
        for place, value in enumerate(values):
            made[place] = value
        return made

    compiler = java.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(java.Thread.currentThread().getContextClassLoader())
    compiler.cook(FILE_SYSTEM)
    plain = compiler.getClassLoader().loadClass("recwatch.PlainFileSystem")
    made = plain.getDeclaredConstructor(array(java.Class)).newInstance(array(java.Object))
    local, settings = java.java.net.URI.create("file:///"), session._jsc.hadoopConfiguration()
    made.initialize(local, settings)
    known = java.Class.forName("org.apache.hadoop.fs.FileSystem")
    types = array(java.Class, local.getClass(), settings.getClass(), known)
    put = known.getDeclaredMethod("addFileSystemForTesting", types)
    put.setAccessible(True)
    put.invoke(None, array(java.Object, local, settings, made))


def session() -> Any:
    """The running session."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()


def reset() -> None:
    """Undo what a test has made: schemas, relations, temporary views, cached tables."""
    spark = session()
    spark.catalog.setCurrentDatabase("default")
    spark.catalog.clearCache()
    for (schema,) in spark.sql("show schemas").collect():
        if schema != "default":
            spark.sql(f"drop schema `{schema}` cascade")
    views = {row.viewName for row in spark.sql("show views in default").collect()}
    for row in spark.sql("show tables in default").collect():
        if row.isTemporary:
            spark.catalog.dropTempView(row.tableName)
        else:
            kind = "view" if row.tableName in views else "table"
            spark.sql(f"drop {kind} default.`{row.tableName}`")


def query(statements: str) -> list[tuple[Any, ...]]:
    """Statements parted by semicolons; the last one's rows, moments as aware UTC datetimes."""
    *before, last = statements.split(";")
    for statement in before:
        session().sql(statement)
    found = session().sql(last).toArrow()
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))
