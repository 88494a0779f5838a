import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.errors import ConfigurationError, WarehouseError
from alerts.warehouse import Relation, Target, Warehouse, open_warehouse
from alerts.warehouse.base import RowCounts
from alerts.warehouse.duckdb_engine import DuckDB
from tests import spark
from tests.alerts.raw.support import query

MART = Relation("analytics", "engagement_daily")
ROWS = """
create schema analytics;
create table analytics.engagement_daily (
    day date, surface {text}, {odd} int, impressions bigint, ctr numeric(18, 4),
    loaded_through {instant}, hour {local}
);
insert into analytics.engagement_daily values
    (date '2025-01-05', 'home', 1, 10, 0.5, cast('2025-01-05 10:00:00+02:00' as {instant}),
     cast('2025-01-05 10:00:00' as {local})),
    (date '2025-01-06', 'home', 2, 20, 0.25, cast('2025-01-06 10:00:00+00:00' as {instant}), null),
    (date '2025-01-06', {quoted}, null, 30, null, null, null)
"""
_STANDARD = {
    "text": "text",
    "odd": '"Odd ""x"" name"',
    "instant": "timestamptz",
    "local": "timestamp",
    "quoted": "'p''d%p'",
}
_SPARK = {
    "text": "string",
    "odd": '`Odd "x" name`',
    "instant": "timestamp_ltz",
    "local": "timestamp_ntz",
    "quoted": "'p\\'d%p'",
}


def rows(target: Target) -> str:
    """The statements that make the mart."""
    if target.type == "spark":
        return ROWS.format(**_SPARK).replace("numeric(18, 4),", "decimal(18, 4),")
    return ROWS.format(**_STANDARD)


@pytest.fixture
def mart(target: Target) -> Iterator[Warehouse]:
    """Each engine in turn with one mart, opened for reading."""
    query(target, rows(target) + ("; commit; select 1" if target.type == "postgres" else ""))
    with closing(open_warehouse(target)) as warehouse:
        yield warehouse


@spark.TOO
def test_values_come_back_as_promised(mart: Warehouse) -> None:
    names = ["day", "surface", 'Odd "x" name', "impressions", "ctr", "loaded_through", "hour"]
    rows = mart.select(MART, names, order_by=["day", "surface"])
    assert rows[0] == (
        date(2025, 1, 5),
        "home",
        1,
        10,
        0.5,
        datetime(2025, 1, 5, 8, tzinfo=UTC),
        datetime(2025, 1, 5, 10, tzinfo=UTC),
    )
    assert rows[2] == (date(2025, 1, 6), "p'd%p", None, 30, None, None, None)
    assert type(rows[0][4]) is float
    assert rows[0][5].tzinfo is UTC
    assert rows[0][6].tzinfo is UTC


@spark.TOO
def test_conditions(mart: Warehouse) -> None:
    def found(**where: tuple[str, Any]) -> list[int]:
        return [n for (n,) in mart.select(MART, ["impressions"], where, ["impressions"])]

    assert found() == [10, 20, 30]
    assert found(surface=("=", "p'd%p")) == [30]
    assert found(surface=("=", "' or 1=1 --")) == []
    assert found(day=(">=", date(2025, 1, 6)), impressions=("<", 30)) == [20]
    assert found(impressions=("<=", 20)) == [10, 20]
    tokyo = datetime(2025, 1, 5, 17, tzinfo=timezone(timedelta(hours=9)))
    assert found(loaded_through=("=", tokyo)) == [10]
    assert found(loaded_through=(">", tokyo)) == [20]
    with pytest.raises(ConfigurationError, match="unknown operator 'or'"):
        found(day=("or", 1))


@spark.TOO
def test_aggregates(mart: Warehouse) -> None:
    measures = [("sum", "impressions"), ("min", "day"), ("max", "loaded_through"), ("sum", "ctr")]
    home = ("home", 30, date(2025, 1, 5), datetime(2025, 1, 6, 10, tzinfo=UTC), 0.75)
    other = ("p'd%p", 30, date(2025, 1, 6), None, None)
    assert sorted(mart.aggregate(MART, ["surface"], measures), key=lambda r: r[0]) == [home, other]
    bounds = [("day", ">=", date(2025, 1, 5)), ("day", "<", date(2025, 1, 6))]
    assert mart.aggregate(MART, [], [("sum", "impressions")], bounds) == [(10,)]
    assert type(mart.aggregate(MART, [], [("sum", "impressions")])[0][0]) in (int, float)
    never = [("day", "<", date(1999, 1, 1))]
    assert mart.aggregate(MART, [], [("sum", "impressions"), ("max", "day")], never) == [
        (None, None)
    ]
    assert mart.aggregate(MART, ["surface"], [("sum", "impressions")], never) == []
    with pytest.raises(ConfigurationError, match="unknown function 'count'"):
        mart.aggregate(MART, [], [("count", "day")])


@spark.TOO
def test_rows_are_counted_by_local_day(mart: Warehouse) -> None:
    # 8:00 and 10:00 UTC; the third row has no instant.
    counts = {zone: mart.counts(RowCounts(MART, "loaded_through", ZoneInfo(zone), ("surface",)))
              for zone in ("UTC", "Pacific/Kiritimati")}  # fmt: skip
    none = (None, "p'd%p", 1)
    assert set(counts["UTC"]) == {
        (date(2025, 1, 5), "home", 1), (date(2025, 1, 6), "home", 1), none
    }  # fmt: skip
    assert set(counts["Pacific/Kiritimati"]) == {
        (date(2025, 1, 5), "home", 1), (date(2025, 1, 7), "home", 1), none
    }  # fmt: skip
    through = datetime(2025, 1, 6, 9, 59, tzinfo=UTC)
    first = RowCounts(MART, "loaded_through", ZoneInfo("UTC"), through=through)
    assert mart.counts(first) == [(date(2025, 1, 5), 1)]


@spark.TOO
def test_what_is_missing_is_named(mart: Warehouse) -> None:
    with pytest.raises(
        WarehouseError, match=r"relation analytics\.nope does not exist: run `dbt build`"
    ):
        mart.select(Relation("analytics", "nope"), ["day"])
    with pytest.raises(WarehouseError, match=r"relation no\.nope does not exist"):
        mart.aggregate(Relation("no", "nope"), [], [("sum", "x")])
    with pytest.raises(
        WarehouseError, match=r"analytics\.engagement_daily has no column clicks, saves: run"
    ):
        mart.select(MART, ["day", "clicks"], {"saves": ("=", 1)})
    assert mart.select(MART, ["day"], order_by=["day"])[0] == (date(2025, 1, 5),)


@spark.TOO
def test_columns(mart: Warehouse) -> None:
    found = mart.columns(MART)
    assert list(found) == [
        "day", "surface", 'Odd "x" name', "impressions", "ctr", "loaded_through", "hour",
    ]  # fmt: skip
    assert found["day"].lower() == "date"
    assert mart.columns(Relation("analytics", "nope")) == {}


@spark.TOO
def test_who_reads_cannot_write(target: Target, mart: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="cannot create the raw tables"):
        mart.create_raw_tables("raw")
    mart.close()
    with closing(open_warehouse(target)) as again:
        assert not again.columns(Relation("raw", "sessions"))


@spark.TOO
def test_a_closed_connection_is_no_traceback(mart: Warehouse) -> None:
    mart.close()
    with pytest.raises(WarehouseError):
        mart.select(MART, ["day"])
    with pytest.raises(WarehouseError):
        mart.columns(MART)


# DuckDB


def test_reading_creates_no_file(duckdb_target: Target) -> None:
    with pytest.raises(WarehouseError, match=r"no such DuckDB file .*test\.duckdb: run `recwatch"):
        open_warehouse(duckdb_target)
    assert not Path(duckdb_target.settings["path"]).exists()


def test_the_path_is_relative_to_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_warehouse(Target("d", "duckdb", {"path": "new/here.duckdb"}), read_only=False).close()
    assert (tmp_path / "new/here.duckdb").exists()


def test_no_bar_is_drawn_on_stdout(duckdb_target: Target) -> None:
    """Whatever the profile says: stdout may be JSON."""
    settings = {**duckdb_target.settings, "settings": {"enable_progress_bar": True}}
    with closing(open_warehouse(Target("d", "duckdb", settings), read_only=False)) as warehouse:
        assert isinstance(warehouse, DuckDB)
        asked = "select current_setting('enable_progress_bar')"
        assert warehouse._fetch(asked, []) == [(False,)]


def test_another_writing_process_is_named(duckdb_target: Target) -> None:
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "sys.stdin.read()"
    )
    path = duckdb_target.settings["path"]
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"open\n"
        for read_only in (True, False):
            with pytest.raises(WarehouseError) as caught:
                open_warehouse(duckdb_target, read_only=read_only)
            assert path in str(caught.value)
            assert f"being written by process {holder.pid}" in str(caught.value)
        holder.stdin.close()
    open_warehouse(duckdb_target).close()


def test_what_is_no_duckdb_file(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(b"hello" * 5_000)
    for read_only in (True, False):
        with pytest.raises(WarehouseError, match="is not a DuckDB file"):
            open_warehouse(Target("d", "duckdb", {"path": str(path)}), read_only=read_only)
    for settings in ({}, {"path": ":memory:"}):
        with pytest.raises(ConfigurationError, match="'d' has no `path`"):
            open_warehouse(Target("d", "duckdb", settings))
    with pytest.raises(WarehouseError, match="cannot be opened"):
        open_warehouse(Target("d", "duckdb", {"path": str(tmp_path)}))


def test_the_profiles_settings_apply_but_for_the_zone(tmp_path: Path) -> None:
    settings = {
        "path": str(tmp_path / "x.duckdb"),
        "threads": 1,
        "settings": {"TimeZone": "Asia/Tokyo", "memory_limit": "200MB"},
    }
    warehouse = open_warehouse(Target("d", "duckdb", settings), read_only=False)
    asked = warehouse._connection.execute(  # type: ignore[attr-defined]
        "select current_setting('TimeZone'), current_setting('threads'),"
        " current_setting('memory_limit')"
    ).fetchall()
    warehouse.close()
    assert asked == [("UTC", 1, "190.7 MiB")]
    settings["settings"] = {"no_such": 1}
    with pytest.raises(ConfigurationError, match=r"target 'd': .*no_such"):
        open_warehouse(Target("d", "duckdb", settings), read_only=False)


# Postgres


def test_an_unreachable_server(postgres_settings: dict[str, Any]) -> None:
    secret = {"password": "s3cret"}
    for changes, message in (
        ({"host": "127.0.0.1", "port": 1}, "refused"),
        ({"host": "/nowhere"}, "No such file"),
        ({"dbname": "missing_db"}, '"missing_db" does not exist'),
        ({"user": "nobody_here"}, '"nobody_here" does not exist'),
        ({"host": "nowhere.invalid"}, "nowhere.invalid"),
        ({"sslmode": "s3cret"}, "sslmode"),
        ({"port": "s3cret"}, "cannot reach"),
    ):
        settings = {**postgres_settings, **secret, **changes}
        with pytest.raises(WarehouseError) as caught:
            open_warehouse(Target("prod", "postgres", settings))
        said = str(caught.value)
        assert message in said
        assert "target 'prod'" in said
        assert "\n" not in said
        if "s3cret" not in changes.values():
            assert "s3cret" not in said


def test_a_relation_one_may_not_read(postgres_target: Target) -> None:
    role = postgres_target.settings["dbname"] + "_reader"
    query(postgres_target, rows(postgres_target) + f"; create role {role}; commit; select 1")
    settings = {**postgres_target.settings, "role": role}
    warehouse = open_warehouse(Target("p", "postgres", settings))
    with pytest.raises(WarehouseError, match="cannot be read: permission denied"):
        warehouse.select(MART, ["day"])
    warehouse.close()
    query(postgres_target, f"drop role {role}; commit; select 1")


def test_a_missing_driver_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg2'] = None\n"
        "from alerts.warehouse import Target, open_warehouse\n"
        "from alerts.errors import ConfigurationError\n"
        "try: open_warehouse(Target('p', 'postgres', {}))\n"
        "except ConfigurationError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'recwatch[postgres]'" in done.stdout
