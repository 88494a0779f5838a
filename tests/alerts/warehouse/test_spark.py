"""The Spark session: how it is started and shared, and what is said where that fails."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.errors import ConfigurationError, WarehouseError
from alerts.warehouse import Relation, Target, open_warehouse
from tests import spark

MART = Relation("analytics", "mart")


def refusal(settings: dict[str, Any], **environment: str) -> str:
    """What is said by a process of its own that cannot open the target."""
    code = (
        "import sys\n"
        "from alerts.warehouse import Target, open_warehouse\n"
        "from alerts.errors import RecwatchError\n"
        f"try: open_warehouse(Target('s', 'spark', {settings!r}))\n"
        "except RecwatchError as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    return done.stdout


def test_another_method_is_refused(spark_output: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="'s' has `method: thrift`: recwatch reads Spark"):
        open_warehouse(Target("s", "spark", {**spark_output, "method": "thrift"}))


def test_missing_pyspark_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pyspark'] = None\n"
        "from alerts.warehouse import Target, open_warehouse\n"
        "from alerts.errors import ConfigurationError\n"
        "try: open_warehouse(Target('p', 'spark', {}))\n"
        "except ConfigurationError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'recwatch[spark]'" in done.stdout


def test_missing_java_says_what_to_install(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    said = refusal({"method": "session"}, JAVA_HOME=str(tmp_path))
    assert said.startswith("ConfigurationError a Spark target needs Java 17 or newer, and none was")
    assert "JAVA_HOME" in said
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\nexit 1\n")
    old.chmod(0o755)
    assert "none was found" in refusal({"method": "session"}, JAVA_HOME=str(tmp_path))
    old.write_text(old.read_text().replace("exit 1", 'test "$1" = -version'))
    assert "this is Java 11" in refusal({"method": "session"}, JAVA_HOME=str(tmp_path))


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("spark.master", "nonsense", "Master must either be yarn or start with spark, k8s,"),
        ("spark.driver.memory", "many", "Invalid maximum heap size: -Xmxmany"),
    ],
)
def test_what_java_says_is_passed_on(
    spark_output: dict[str, Any], tmp_path: Path, parameter: str, value: str, message: str
) -> None:
    output = spark.output(tmp_path)
    output["server_side_parameters"][parameter] = value
    assert f"WarehouseError target 's': Spark does not start: {message}" in refusal(output)


def test_a_metastore_that_another_process_has(spark_output: dict[str, Any]) -> None:
    from alerts.warehouse.spark_session import _why_no_metastore

    said = (
        "ERROR XSDB6: Another instance of Derby may have already booted the database"
        " /srv/spark-warehouse/metastore_db."
    )
    error = _why_no_metastore(Target("s", "spark", spark_output), RuntimeError(said))
    assert str(error).startswith(
        "the metastore /srv/spark-warehouse/metastore_db is in use by another process: wait"
    )


def test_no_secret_is_shown(spark_output: dict[str, Any]) -> None:
    from alerts.warehouse.spark_session import _why_no_metastore

    parameters = {"spark.hadoop.fs.s3a.secret.key": "s3cret"}
    target = Target("s", "spark", {**spark_output, "server_side_parameters": parameters})
    error = _why_no_metastore(target, RuntimeError("java.io.IOException: no access with s3cret"))
    assert str(error) == "target 's': Spark does not start: no access with ***"


def test_the_session_is_dbts(spark_target: Target) -> None:
    """Who comes second joins, with the parameters of dbt-spark, and does not stop it."""
    from dbt.adapters.spark.session import Connection

    parameters = dict(spark_target.settings["server_side_parameters"])
    cursor = Connection(server_side_parameters=parameters).cursor()
    cursor.execute("create schema analytics")
    cursor.execute("create table analytics.mart using parquet as select 1 as a")
    with closing(open_warehouse(spark_target)) as warehouse:
        assert warehouse.select(MART, ["a"]) == [(1,)]
        # What the one does the other sees at once: Spark remembers files per session.
        cursor.execute("insert into analytics.mart values (2)")
        assert warehouse.select(MART, ["a"], order_by=["a"]) == [(1,), (2,)]
    cursor.execute("select count(*) from analytics.mart")
    assert cursor.fetchall() == [(2,)]
    assert spark.session().conf.get("spark.sql.ansi.enabled") == "false"


def test_a_time_without_a_zone_is_utc_in_any_session(spark_target: Target) -> None:
    spark.query(
        "create schema analytics;"
        "create table analytics.mart using parquet as select timestamp_ntz'2025-01-05 10:00' as at"
    )
    moment = datetime(2025, 1, 5, 10, tzinfo=UTC)
    with closing(open_warehouse(spark_target)) as warehouse:
        for zone in ("Asia/Tokyo", "America/New_York"):
            spark.session().conf.set("spark.sql.session.timeZone", zone)
            assert warehouse.select(MART, ["at"], {"at": ("=", moment)}) == [(moment,)]


def test_errors_are_one_line(spark_target: Target, capfd: pytest.CaptureFixture[str]) -> None:
    spark.query("create schema analytics; create table analytics.mart using parquet as select 1 a")
    directory = Path(spark_target.settings["server_side_parameters"]["spark.sql.warehouse.dir"])
    with closing(open_warehouse(spark_target)) as warehouse:
        assert warehouse.select(MART, ["a", "a"]) == [(1, 1)]
        for file in (directory / "analytics.db" / "mart").glob("*.parquet"):
            file.unlink()
        with pytest.raises(WarehouseError) as caught:
            warehouse.select(MART, ["a"])
        said = str(caught.value)
        assert said.startswith("relation analytics.mart cannot be read: File ")
        assert "\n" not in said
        with pytest.raises(WarehouseError, match="has no column b: run `dbt build`"):
            warehouse.select(MART, ["b"])
        with pytest.raises(WarehouseError, match=r"cannot load into raw\.sessions: it is open for"):
            warehouse.loading("raw", "sessions").__enter__()
    assert capfd.readouterr() == ("", "")
