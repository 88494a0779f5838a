import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.errors import ConfigurationError, WarehouseError
from alerts.raw import jsonl
from alerts.raw.documents import check_document
from alerts.raw.loader import LoadResult, load_file
from alerts.raw.tables import RAW_TABLES
from alerts.raw.values import Rejection
from alerts.warehouse import Relation, Target, Warehouse, open_warehouse
from tests import spark
from tests.alerts.raw.strategies import DOCUMENTS
from tests.alerts.raw.support import impression, lines, query, read, write

METRICS = "personalization_metrics"
REAL = Path(__file__).parents[4] / "shared/data/open_bandit/personalization_metrics.jsonl.gz"


def counts(target: Target) -> tuple[int, int]:
    """Rows and rejected rows, seen from outside."""
    return tuple(  # type: ignore[return-value]
        query(target, f"select count(*) from raw.{table}")[0][0]
        for table in (METRICS, "rejected_rows")
    )


@spark.TOO
def test_good_and_rejected_rows(target: Target, warehouse: Warehouse, tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    warehouse.create_raw_tables("raw")
    bad = impression(id="i2", created_at="now")
    odd = impression(
        id='q",\n\\é\t', user_id="", metadata={"a": 'x",\n\\'}, created_at="0001-01-01T00:00:00Z"
    )
    path = write(tmp_path / "a.jsonl", lines(impression(), bad, odd, '{"id":"\\u0000"}'))
    result = load_file(warehouse, "raw", METRICS, path)
    warehouse.close()
    assert (result.rows, result.rejected) == (2, {"invalid_json": 1, "invalid_time": 1})
    rows = query(target, f"select * from raw.{METRICS} order by id")
    loaded_at = rows[0][-1]
    documents = [json.loads(row[9]) if isinstance(row[9], str) else row[9] for row in rows]
    assert documents == [{"country": "JP"}, {"a": 'x",\n\\'}]
    assert [(*row[:9], row[11]) for row in rows] == [
        ("i1", "u1", "home", None, None, True, Decimal("12.500"), "r1", "d1", loaded_at),
        ('q",\n\\é\t', "", "home", None, None, True, Decimal("12.500"), "r1", "d1", loaded_at),
    ]
    first, last = query(
        target,
        "select cast(min(created_at) as varchar(40)), cast(max(created_at) as varchar(40))"
        f" from raw.{METRICS}",
    )[0]
    assert first.startswith("0001-01-01 00:00:00")
    assert last.startswith("2025-01-05 10:00:00")
    assert before <= loaded_at <= datetime.now(UTC)
    rejected = query(target, "select * from raw.rejected_rows order by line")
    assert rejected == [
        (METRICS, str(path), 2, "invalid_time", json.dumps(bad), loaded_at),
        (METRICS, str(path), 4, "invalid_json", '{"id":"\\u0000"}', loaded_at),
    ]


@spark.TOO
def test_every_table_loads_a_full_row(target: Target, warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create_raw_tables("raw")
    examples = {
        "text": "x",
        "timestamp": "2025-01-05T10:00:00.123456Z",
        "boolean": False,
        "numeric": 1.5,
        "document": {"a": [1, {"b": None}]},
        "list": [{"key": "a", "weight": 0.5, "is_control": True}],
    }
    for table in RAW_TABLES:
        row = {column.name: examples[column.kind] for column in table.columns}
        path = write(tmp_path / f"{table.name}.jsonl", lines(row))
        result = load_file(warehouse, "raw", table.name, path)
        assert (result.rows, result.rejected) == (1, {}), table.name
    warehouse.close()
    for table in RAW_TABLES:
        absent = " or ".join(f"{column} is null" for column in (*table.names, "loaded_at"))
        found = query(target, f"select count(*) from raw.{table.name} where not ({absent})")
        assert found == [(1,)], table.name


@spark.TOO
def test_each_file_has_its_own_loaded_at(
    target: Target, warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.create_raw_tables("raw")
    for number in range(2):
        row = impression(id=f"i{number}", loaded_at="2020-01-01T00:00:00Z")
        load_file(warehouse, "raw", METRICS, write(tmp_path / f"{number}.jsonl", lines(row)))
        time.sleep(0.01)
    warehouse.close()
    times = [at for (at,) in query(target, f"select loaded_at from raw.{METRICS} order by id")]
    assert times[0] < times[1]
    assert times[0] > datetime.now(UTC) - timedelta(minutes=5)


@pytest.mark.parametrize("fault", ["in the file", "in the warehouse"])
def test_a_load_that_fails_leaves_nothing(
    target: Target,
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    warehouse.create_raw_tables("raw")
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 5_000)
    path = write(tmp_path / "a.jsonl.gz", lines(*[impression(), "{}}"] * 2_000))
    sound = write(tmp_path / "b.jsonl", lines(impression(), "{}}"))
    if fault == "in the file":
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(ConfigurationError, match="broken gzip file"):
            load_file(warehouse, "raw", METRICS, path)
    else:
        query_none(target, warehouse, "alter table raw.rejected_rows drop column content")
        with pytest.raises(WarehouseError, match=r"cannot load into raw\.personalization_metrics"):
            load_file(warehouse, "raw", METRICS, path)
    assert seen(warehouse) == 0
    if fault == "in the file":  # and the connection is fit for the next file
        assert load_file(warehouse, "raw", METRICS, sound).rows == 1
        assert seen(warehouse) == 2
    warehouse.close()


def seen(warehouse: Warehouse) -> int:
    return len(warehouse.select(Relation("raw", METRICS), ["id"])) + len(
        warehouse.select(Relation("raw", "rejected_rows"), ["line"])
    )


def query_none(target: Target, warehouse: Warehouse, statement: str) -> None:
    """A statement without result: beside the open warehouse, or on it where that is alone."""
    if target.type == "duckdb":
        warehouse._connection.execute(statement)  # type: ignore[attr-defined]
    else:
        query(target, f"{statement}; commit; select 1")


KILLED = """
import sys, time
from pathlib import Path
from alerts.raw.loader import LoadResult, load_file
from alerts.warehouse import Target, open_warehouse
import json
target = Target("t", sys.argv[1], json.loads(sys.argv[2]))
warehouse = open_warehouse(target, read_only=False)
warehouse.create_raw_tables("raw")
load_file(warehouse, "raw", "personalization_metrics", sys.argv[3])
print("first", flush=True)
def advance(_):
    print("loading", flush=True)
    time.sleep(0.05)
load_file(warehouse, "raw", "personalization_metrics", sys.argv[4], advance)
"""


def test_a_killed_load_leaves_nothing(target: Target, tmp_path: Path) -> None:
    small = write(tmp_path / "a.jsonl", lines(impression(), "{}}"))
    large = tmp_path / "b.jsonl"
    block = lines(*[impression(metadata={"filler": "x" * 1_000}), "{}}"] * 100)
    with large.open("w") as file:
        for _ in range(500):  # some seven blocks
            file.write(block)
    arguments = [target.type, json.dumps(dict(target.settings)), str(small), str(large)]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(4)]
        assert said == ["first", "loading", "loading", "loading"]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL
    assert counts(target) == (1, 1)
    again = open_warehouse(target, read_only=False)
    assert load_file(again, "raw", METRICS, large).rows == 50_000
    again.close()
    assert counts(target) == (50_001, 50_001)


def test_a_load_is_seen_whole_by_others(
    postgres_target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what others see of `loaded_at` is never older than when they could see it, by much."""
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 5_000)
    path = write(tmp_path / "a.jsonl", lines(*[impression(), "{}}"] * 500))
    warehouse = open_warehouse(postgres_target, read_only=False)
    warehouse.create_raw_tables("raw")
    staged: list[datetime] = []

    def advance(_: int) -> None:
        assert counts(postgres_target) == (0, 0)
        staged.append(datetime.now(UTC))

    load_file(warehouse, "raw", METRICS, path, advance)
    warehouse.close()
    assert len(staged) > 10
    assert counts(postgres_target) == (500, 500)
    [(loaded_at,)] = query(postgres_target, f"select distinct loaded_at from raw.{METRICS}")
    assert loaded_at > staged[-2]  # begun after staging


@spark.TOO
def test_a_batch_is_let_go_once_it_is_in(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else memory would grow with the file."""
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 200_000)
    monkeypatch.setattr("alerts.warehouse.spark_load.GATHERED_BYTES", 500_000)
    path = write(tmp_path / "a.jsonl", lines(*[impression(user_id="x" * 1_000)] * 10_000))
    warehouse.create_raw_tables("raw")
    held: list[int] = []
    load_file(warehouse, "raw", METRICS, path, lambda _: held.append(pa.total_allocated_bytes()))
    assert len(held) > 40
    assert max(held) - held[0] < 2_000_000


def test_staging_leaves_no_tables_behind(postgres_target: Target, tmp_path: Path) -> None:
    warehouse = open_warehouse(postgres_target, read_only=False)
    warehouse.create_raw_tables("raw")
    for _ in range(2):
        load_file(warehouse, "raw", METRICS, write(tmp_path / "a.jsonl", lines(impression())))
    left = query(postgres_target, "select relname from pg_class where relname like '%stage%'")
    warehouse.close()
    assert left == []


def test_a_table_of_ones_own_with_other_types(postgres_target: Target, tmp_path: Path) -> None:
    query(
        postgres_target,
        "create schema own; create table own.catalog_items (item_id uuid primary key, brand text,"
        " category varchar(20), price float8, is_available bool, updated_at timestamptz,"
        " note text, loaded_at timestamptz); commit; select 1",
    )
    warehouse = open_warehouse(postgres_target, read_only=False)
    warehouse.create_raw_tables("own")
    row = {"item_id": "7d9cbd65-0f0e-4b0a-9d5e-6a4ef0a2a111", "price": 1.5}
    load_file(warehouse, "own", "catalog_items", write(tmp_path / "a.jsonl", lines(row)))
    broken = write(tmp_path / "b.jsonl", lines({"item_id": "no uuid"}))
    with pytest.raises(WarehouseError, match="invalid input syntax for type uuid"):
        load_file(warehouse, "own", "catalog_items", broken)
    warehouse.close()
    assert query(postgres_target, "select price from own.catalog_items") == [(1.5,)]


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[tuple[Any, Any, Path]]:
    """A bare connection to each engine, for many small questions."""
    postgres = psycopg2.connect(postgres_url)
    postgres.autocommit = True
    with duckdb.connect(":memory:") as connection:
        yield connection, postgres.cursor(), tmp_path_factory.mktemp("both")
    postgres.close()


@settings(max_examples=100, deadline=None)
@given(text=DOCUMENTS)
def test_engines_take_every_accepted_document_and_see_the_same(
    both: tuple[Any, Any, Path], text: str
) -> None:
    duck, cursor, _ = both
    try:
        stored = check_document(text, "{")
        stored.encode()
    except (Rejection, UnicodeEncodeError):
        return
    expected = numbers_as_floats(stored)
    [(from_duckdb,)] = duck.execute("select ?::json", [stored]).fetchall()
    cursor.execute("select %s::jsonb::text", [stored])
    [(from_postgres,)] = cursor.fetchall()
    assert numbers_as_floats(from_duckdb) == expected
    assert numbers_as_floats(from_postgres) == expected
    for key, value in expected.items():
        if isinstance(value, float):
            cursor.execute("select (%s::jsonb ->> %s)::float8", [stored, key])
            assert cursor.fetchall() == [(value,)]


def numbers_as_floats(text: str) -> Any:
    """The document; jsonb may write 1e17 as an integer, which is the same number."""
    return json.loads(text, parse_int=float)


@pytest.mark.skipif(not REAL.exists(), reason="the real logs lie beside the repository")
def test_the_real_log(target: Target, warehouse: Warehouse) -> None:
    warehouse.create_raw_tables("raw")
    told: list[int] = []
    result = load_file(warehouse, "raw", METRICS, REAL, told.append)
    warehouse.close()
    assert (result.rows, result.rejected) == (60_000, {})
    assert sum(told) == REAL.stat().st_size
    assert counts(target) == (60_000, 0)


def test_loading_is_fast(duckdb_target: Target, tmp_path: Path) -> None:
    """A floor that only a lost fast path falls below: some 170,000 rows a second are usual."""
    rows = [impression(id=f"i{number}", metadata={"x": "y" * 150}) for number in range(30_000)]
    path = write(tmp_path / "a.jsonl", lines(*rows))
    warehouse = open_warehouse(duckdb_target, read_only=False)
    warehouse.create_raw_tables("raw")
    best = min(load_file(warehouse, "raw", METRICS, path).seconds for _ in range(3))
    warehouse.close()
    assert 30_000 / best > 40_000


def test_what_a_result_says() -> None:
    result = LoadResult("a.jsonl", METRICS, 60_000, {"invalid_time": 2, "invalid_number": 1}, 0.61)
    assert str(result) == (
        "a.jsonl: 60,000 rows loaded, 3 rejected (invalid_time 2, invalid_number 1) in 0.6 s"
    )
    assert str(LoadResult("a.csv", METRICS, 0, {}, 0.0)) == "a.csv: 0 rows loaded in 0.0 s"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("bytes")
    header = b"experiment_key,user_id,variation,assigned_at\n"
    for name, data in (("a.jsonl", b"{}\n" + content), ("a.csv", header + content)):
        path = directory / name
        path.write_bytes(data)
        rows, rejected = read(path, "experiment_assignments")
        for row in rejected:
            row.content.encode()
            assert "\x00" not in row.content
        assert len(rows) + len(rejected) <= data.count(b"\n") + data.count(b"\r") + 1
