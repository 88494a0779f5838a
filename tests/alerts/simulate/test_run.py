"""Files: identical for identical arguments, bounded memory, nobody else's removed."""

import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from alerts.errors import ConfigurationError
from alerts.simulate import Options, simulate
from alerts.simulate.run import TABLES, USERS_PER_SLICE, count_steps

from .conftest import lines_of

SMALL = Options(users=400, days=50, rows_per_part=20_000)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, file_format: str) -> None:
    options = Options(users=300, days=45, file_format=file_format)  # type: ignore[arg-type]
    simulate(tmp_path / "one", options)
    simulate(tmp_path / "two", options)
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert {name.split("/")[0] for name in one} >= {table.name for table in TABLES}


def test_another_seed_gives_another_shop(tmp_path: Path) -> None:
    simulate(tmp_path / "one", Options(users=50, days=2, seed=1))
    simulate(tmp_path / "two", Options(users=50, days=2, seed=2))
    assert lines_of(tmp_path / "one", "sessions") != lines_of(tmp_path / "two", "sessions")


def test_parts_are_numbered_and_in_order_of_time(tmp_path: Path) -> None:
    summary = simulate(tmp_path, SMALL)
    impressions = summary.tables[0]
    assert impressions.name == "personalization_metrics"
    names = [path.name for path in impressions.paths]
    assert names == [f"part-{number:04d}.jsonl" for number in range(1, len(names) + 1)]
    assert len(names) >= 4
    assert sorted(path.name for path in (tmp_path / impressions.name).iterdir()) == names
    assert impressions.rows == len(lines_of(tmp_path, impressions.name))
    for table in ("sessions", "user_interactions"):
        days = [re.search(rb'_at":"([0-9-]{10})', line) for line in lines_of(tmp_path, table)]
        texts = [found.group(1) for found in days if found]
        assert texts == sorted(texts)


def test_parquet_holds_the_same_sound_rows(tmp_path: Path) -> None:
    simulate(tmp_path / "lines", Options(users=200, days=30))
    summary = simulate(tmp_path / "typed", Options(users=200, days=30, file_format="parquet"))
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for table in summary.tables:
            typed = connection.execute(
                f"select * from read_parquet('{tmp_path}/typed/{table.name}/*.parquet')"
            ).fetchall()
            assert len(typed) == table.rows
            if table.name != "personalization_metrics":
                assert len(typed) == len(lines_of(tmp_path / "lines", table.name))
    lines = lines_of(tmp_path / "lines", "personalization_metrics")
    rows = pq.read_table(tmp_path / "typed" / "personalization_metrics").to_pylist()
    first = json.loads(lines[0])
    assert rows[0]["id"] == first["id"]
    assert json.loads(rows[0]["metadata"]) == first["metadata"]
    assert rows[0]["created_at"] == dt.datetime.fromisoformat(first["created_at"])
    truth = json.loads(summary.truth.read_text())
    counted = truth["rows"]["personalization_metrics"]
    assert counted["rejected"] == 0
    assert counted["refused"] > 0
    assert counted["lines"] == len(rows)


def test_an_earlier_simulation_is_replaced_without_leftovers(tmp_path: Path) -> None:
    simulate(tmp_path, SMALL)
    smaller = Options(users=20, days=3)
    simulate(tmp_path, smaller)
    simulate(tmp_path / "fresh" / "below", smaller)
    fresh = contents(tmp_path / "fresh" / "below")
    assert {k: v for k, v in contents(tmp_path).items() if not k.startswith("fresh")} == fresh


def test_a_directory_of_others_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "personalization_metrics" / "part-0001.jsonl"
    mine.parent.mkdir()
    mine.write_text("precious")
    with pytest.raises(ConfigurationError, match="holds personalization_metrics"):
        simulate(tmp_path, Options(users=10, days=1))
    assert mine.read_text() == "precious"
    simulate(tmp_path / "own", Options(users=10, days=1))
    (tmp_path / "own" / "notes.txt").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"holds notes\.txt"):
        simulate(tmp_path / "own", Options(users=10, days=1))


def test_a_path_that_is_no_directory_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        simulate(tmp_path / "file" / "below", Options(users=10, days=1))


@pytest.mark.parametrize("users", [1, 3, 40])
def test_a_tiny_shop_is_a_shop(tmp_path: Path, users: int) -> None:
    summary = simulate(tmp_path, Options(users=users, days=56))
    truth = json.loads(summary.truth.read_text())
    for table in summary.tables:
        counted = truth["rows"][table.name]
        assert counted["lines"] == len(lines_of(tmp_path, table.name)) == table.rows


def test_progress_ends_at_the_last_step(tmp_path: Path) -> None:
    options = Options(users=USERS_PER_SLICE + 1, days=1)
    seen: list[int] = []
    simulate(tmp_path, options, seen.append)
    # One full day and the morning after, two slices each.
    assert seen == [1, 1, 1, 1]
    assert count_steps(options) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": 0}, "--users 0"),
        ({"days": 0}, "--days 0"),
        ({"seed": -1}, "--seed -1"),
        ({"start": dt.date(9999, 12, 31)}, "--start 9999-12-31"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Options(**options)


PEAK = """
import pathlib, resource, sys
from alerts.simulate import Options, simulate
simulate(pathlib.Path(sys.argv[1]), Options(users=int(sys.argv[2]), days=2, scenario="calm"))
status = pathlib.Path("/proc/self/status")
if status.exists():  # what the parent used before the fork does not count here
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    print(int(line.split()[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_bytes(directory: Path, users: int) -> int:
    arguments = [sys.executable, "-c", PEAK, str(directory), str(users)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=120)
    return int(done.stdout)


def test_memory_does_not_grow_with_the_shop(tmp_path: Path) -> None:
    ten = peak_bytes(tmp_path / "ten", 10_000)
    forty = peak_bytes(tmp_path / "forty", 40_000)
    # Thirty thousand more users need a few bytes each, not their 300,000 impressions.
    assert forty - ten < 40_000_000
    assert forty < 400_000_000
