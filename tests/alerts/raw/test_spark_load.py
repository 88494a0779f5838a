"""Loading on Spark, where nothing but one row in `loads` makes a load visible."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.errors import WarehouseError
from alerts.raw.loader import load_file
from alerts.raw.tables import REJECTED_ROWS, create_schema, create_table, find_table
from alerts.warehouse import Relation, Target, open_warehouse, spark_load
from tests import spark
from tests.alerts.raw.support import impression, lines, write

METRICS = "personalization_metrics"
ROOT = Path(__file__).parents[3]


def counts() -> tuple[int, int]:
    """Rows and rejected rows."""
    [(rows,)] = spark.query(f"select count(*) from raw.{METRICS}")
    [(rejected,)] = spark.query("select count(*) from raw.rejected_rows")
    return rows, rejected


def files(target: Target) -> list[Path]:
    """Every Parquet file of the warehouse, hidden ones included."""
    directory = target.settings["server_side_parameters"]["spark.sql.warehouse.dir"]
    return list(Path(directory).rglob("*.parquet"))


class Death(BaseException):
    """Nothing more is done, not even what cleans up."""


def test_a_load_that_dies_at_any_step_is_seen_whole_or_not(
    spark_target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.jsonl", lines(impression(), "{}}"))
    left = [0]

    def step(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def dying(*arguments: Any) -> Any:
            result = real(*arguments)
            left[0] -= 1
            if left[0] == 0:
                raise Death
            return result

        monkeypatch.setattr(owner, name, dying)

    for owner, name in (
        (spark_load._File, "write"),
        (spark_load._File, "publish"),
        (spark_load._Part, "publish"),
        (spark_load._Loads, "publish"),
    ):
        step(owner, name)
    monkeypatch.setattr(spark_load.SparkWriter, "discard", lambda _: None)
    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
        seen = []
        for steps in range(1, 100):
            left[0] = steps
            try:
                load_file(warehouse, "raw", METRICS, path)
            except Death:
                spark.query("refresh table raw.loads")  # as a process that begins now sees it
                rows, rejected = counts()
                assert rows == rejected
                seen.append(rows)
            else:
                break
    assert counts() == (seen[-1] + 1, seen[-1] + 1)
    assert len(seen) == 9
    # Before the file of `loads` is in its place nothing is seen, and from then on everything.
    assert seen == [0, 0, 0, 0, 0, 0, 0, 1, 2]


def test_a_load_that_fails_leaves_no_file(spark_target: Target, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(impression(), "{}}"))

    def advance(_: int) -> None:
        spark.query("drop table raw.loaded_rejected_rows")

    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
        with pytest.raises(WarehouseError) as caught:
            load_file(warehouse, "raw", METRICS, path, advance)
        assert "cannot load into raw.personalization_metrics: [TABLE_OR_VIEW_NOT" in str(
            caught.value
        )
        assert "\n" not in str(caught.value)
        assert warehouse.select(Relation("raw", METRICS), ["id"]) == []
        assert files(spark_target) == []
        with pytest.raises(WarehouseError, match=r"raw\.rejected_rows is not a view that recwatch"):
            load_file(warehouse, "raw", METRICS, path)
        spark.query("drop view raw.rejected_rows")
        warehouse.create_raw_tables("raw")
        load_file(warehouse, "raw", METRICS, path)
    assert counts() == (1, 1)
    assert len(files(spark_target)) == 3


def test_a_disk_that_fails_is_one_line(
    spark_target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.jsonl", lines(*[impression(user_id="x" * 900)] * 5_000))
    real = spark_load._Stream._send
    calls: list[None] = []

    def send(stream: Any) -> None:
        calls.append(None)
        if len(calls) > 2:
            stream._stream.write(b"x", 5, 10)  # Java refuses, as it would a full disk
        real(stream)

    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
        monkeypatch.setattr(spark_load._Stream, "_send", send)
        monkeypatch.setattr(spark_load, "_SENT_BYTES", 5_000)
        with pytest.raises(
            WarehouseError, match=r"cannot load into raw\.pers.*last source index 15"
        ) as caught:
            load_file(warehouse, "raw", METRICS, path)
        assert "\n" not in str(caught.value)
        monkeypatch.setattr(spark_load._Stream, "_send", real)
        assert files(spark_target) == []
        assert load_file(warehouse, "raw", METRICS, path).rows == 5_000


def test_a_file_without_rows_is_no_load(spark_target: Target, tmp_path: Path) -> None:
    names = ",".join(find_table("catalog_items").names)
    path = write(tmp_path / "a.csv", f"{names}\n")
    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
        assert load_file(warehouse, "raw", "catalog_items", path).rows == 0
    assert files(spark_target) == []
    assert spark.query("select count(*) from raw.loads") == [(0,)]


def test_a_table_of_ones_own_is_left_alone(spark_target: Target, tmp_path: Path) -> None:
    spark.query(
        "create schema own;"
        "create table own.catalog_items (item_id string) using parquet;"
        "insert into own.catalog_items values ('kept')"
    )
    path = write(tmp_path / "a.jsonl", lines({"item_id": "i"}))
    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("own")
        with pytest.raises(
            WarehouseError, match=r"own\.catalog_items is not a view that recwatch created, and on"
        ):
            load_file(warehouse, "own", "catalog_items", path)
        assert warehouse.select(Relation("own", "catalog_items"), ["item_id"]) == [("kept",)]
        session = write(tmp_path / "b.jsonl", lines({"session_id": "s"}))
        assert load_file(warehouse, "own", "sessions", session).rows == 1
        # What a table lacks is created, and nothing else is touched.
        spark.query("drop view own.sessions")
        warehouse.create_raw_tables("own")
        assert warehouse.select(Relation("own", "sessions"), ["session_id"]) == [("s",)]


def test_moments_are_exact_in_any_time_zone(spark_target: Target, tmp_path: Path) -> None:
    moments = [
        "0001-01-01T00:00:00.000001Z",
        "1582-10-10T12:00:00Z",
        "1899-12-31T23:59:59.999999Z",
        "2025-03-30T01:30:00.123456Z",
        "9999-12-31T23:59:59.999999Z",
    ]
    rows = [impression(id=str(number), created_at=at) for number, at in enumerate(moments)]
    path = write(tmp_path / "a.jsonl", lines(*rows))
    spark.session().conf.set("spark.sql.session.timeZone", "America/New_York")
    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
        spark.session().conf.set("spark.sql.session.timeZone", "America/New_York")
        load_file(warehouse, "raw", METRICS, path)
        spark.session().conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        found = warehouse.select(Relation("raw", METRICS), ["created_at"], order_by=["id"])
    assert found == [(datetime.fromisoformat(at),) for at in moments]
    [(loaded_at,)] = spark.query(f"select max(loaded_at) from raw.{METRICS}")
    assert 0 <= (datetime.now(UTC) - loaded_at).total_seconds() < 60


KILLED = """
import sys, time
from alerts.cli import main
from alerts.warehouse import spark_load
def load(path):
    try:
        main(["load", "personalization_metrics", path])
    except SystemExit as end:
        print("ended with", end.code, flush=True)
load(sys.argv[1])
publish = spark_load._Part.publish
def then_sleep(part):
    publish(part)
    print("rows are ready, rejected rows are not", flush=True)
    time.sleep(600)
spark_load._Part.publish = then_sleep
load(sys.argv[2])
"""


def test_a_killed_load_leaves_nothing(spark_target: Target, tmp_path: Path) -> None:
    """The program, in a process with a Spark of its own, killed where half a load is nearest."""
    home = tmp_path / "a warehouse"
    # Two loads of one process, each with a session of its own: Hive's tables outlive the first.
    output = spark.output(home, catalog="hive")
    (tmp_path / "dbt_project.yml").write_text("name: recwatch\nprofile: recwatch\n")
    profile = {"recwatch": {"target": "s", "outputs": {"s": output}}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile))
    write(tmp_path / "a.jsonl", lines(impression(), "{}}"))
    large = write(tmp_path / "b.jsonl", lines(*[impression(), "{}}"] * 500))
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", KILLED, "a.jsonl", "b.jsonl"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGKILL)
        _, complained = process.communicate()
    assert said[0].startswith("a.jsonl: 1 rows loaded, 1 rejected (invalid_json 1) in ")
    assert said[1].startswith("rejected rows are in raw.rejected_rows")
    assert said[2:] == ["ended with 0\n", "rows are ready, rejected rows are not\n"]
    assert complained == ""
    assert found_in(home) == (1, 1)
    with closing(open_warehouse(spark_target, read_only=False)) as warehouse:
        assert load_file(warehouse, "raw", METRICS, large).rows == 500
    assert found_in(home) == (501, 501)


def found_in(home: Path) -> tuple[int, int]:
    """What this session sees in the files of another's warehouse, finding all that there are."""
    spark.reset()
    spark.query("create schema raw")
    statements = create_schema("raw", "spark")[1:]
    for table in (find_table(METRICS), REJECTED_ROWS):
        statements += create_table(table, "raw", "spark")
    for statement in statements:
        if " using parquet" in statement:
            name = statement.split("`.")[1].split(" ")[0].strip("`")
            spark.query(f"{statement} location '{home}/warehouse/raw.db/{name}'")
            if "partitioned by" in statement:
                spark.query(f"msck repair table raw.{name}")
        else:
            spark.query(statement)
    return counts()
