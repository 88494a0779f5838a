from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alerts.errors import ConfigurationError
from alerts.raw import parquet_file
from alerts.raw.tables import find_table
from tests.alerts.raw.support import IMPRESSION, impression, lines, read, write

NAMES = find_table("personalization_metrics").names


def table(rows: int = 1, **columns: pa.Array) -> pa.Table:
    """Sound rows as text, some columns replaced."""
    texts = {**IMPRESSION, "click_through": "true", "dwell_time_ms": "12.5"}
    texts["metadata"] = '{"country": "JP"}'
    arrays = {name: pa.array([texts[name]] * rows, pa.string()) for name in NAMES}
    return pa.table(arrays | columns)


def save(path: Path, content: pa.Table) -> Path:
    pq.write_table(content, path)
    return path


def values(tmp_path: Path, name: str, array: pa.Array) -> list[Any]:
    """What one column gives, a rejected row as its reason."""
    rows, rejected = read(save(tmp_path / "a.parquet", table(len(array), **{name: array})))
    found: dict[int, Any] = {row.line: row.reason for row in rejected}
    good = iter(row[name] for row in rows)
    return [found.get(line) or next(good) for line in range(1, len(array) + 1)]


def test_text_columns_read_as_json_lines_do(tmp_path: Path) -> None:
    assert read(save(tmp_path / "a.parquet", table())) == read(
        write(tmp_path / "a.jsonl", lines(impression()))
    )


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_other_text_types(tmp_path: Path, kind: pa.DataType) -> None:
    array = pa.array(["a", None, ""], pa.string()).cast(kind)
    assert values(tmp_path, "user_id", array) == ["a", None, ""]


def test_texts_are_as_strict_as_elsewhere(tmp_path: Path) -> None:
    assert values(tmp_path, "created_at", pa.array(["now", "", "2025-01-05T00:00:00"])) == [
        "invalid_time",
        "invalid_time",
        datetime(2025, 1, 5, tzinfo=UTC),
    ]
    assert values(tmp_path, "dwell_time_ms", pa.array(["", "0.0005", None])) == [
        "invalid_number",
        Decimal("0.001"),
        None,
    ]
    assert values(tmp_path, "metadata", pa.array(["", "[1]", '{"a":1,"a":2}'])) == [
        "invalid_json",
        "invalid_json",
        '{"a":2}',
    ]


def test_texts_that_no_engine_stores(tmp_path: Path) -> None:
    binary = pa.array([b"ok", b"\xff", b"a\x00b", None], pa.binary())
    array = pa.Array.from_buffers(pa.string(), 4, binary.buffers())
    rows, rejected = read(save(tmp_path / "a.parquet", table(4, user_id=array)))
    assert [row["user_id"] for row in rows] == ["ok", None]
    assert [(row.line, row.reason) for row in rejected] == [
        (2, "invalid_text"),
        (3, "invalid_text"),
    ]
    assert '"user_id": "\\\\xff"' in rejected[0].content


def test_native_times(tmp_path: Path) -> None:
    at = datetime(2025, 1, 5, 10, 0, 0, 123456, tzinfo=UTC)
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us", "Asia/Tokyo")):
        assert values(tmp_path, "created_at", pa.array([at, None], kind)) == [at, None]
    nanos = pa.array([1_500, 1_499, -1_500, -1_501], pa.timestamp("ns"))
    assert [value.microsecond for value in values(tmp_path, "created_at", nanos)] == [
        2, 1, 999_999, 999_998,
    ]  # fmt: skip
    seconds = pa.array([0, 253_402_300_799, 253_402_300_800, -62_135_596_801], pa.timestamp("ms"))
    assert values(tmp_path, "created_at", seconds)[0] == datetime(1970, 1, 1, tzinfo=UTC)
    micros = pa.array([253_402_300_799_999_999, 253_402_300_800_000_000], pa.timestamp("us"))
    assert values(tmp_path, "created_at", micros) == [
        datetime.max.replace(tzinfo=UTC),
        "invalid_time",
    ]


def test_native_numbers(tmp_path: Path) -> None:
    floats = pa.array([0.1, 0.0005, -0.0005, float("nan"), float("inf"), 1e15, 1e300, None])
    assert values(tmp_path, "dwell_time_ms", floats) == [
        Decimal("0.100"), Decimal("0.001"), Decimal("-0.001"), "invalid_number",
        "invalid_number", "invalid_number", "invalid_number", None,
    ]  # fmt: skip
    assert values(tmp_path, "dwell_time_ms", pa.array([5, 2**62])) == [5, "invalid_number"]
    decimals = pa.array([Decimal("1.00049"), Decimal("1.00050")], pa.decimal128(10, 5))
    assert values(tmp_path, "dwell_time_ms", decimals) == [Decimal("1.000"), Decimal("1.001")]


def test_native_booleans_and_documents(tmp_path: Path) -> None:
    assert values(tmp_path, "click_through", pa.array([True, None])) == [True, None]
    structs = pa.array([{"a": 1, "b": "é"}, None, {"a": None, "b": "x"}])
    assert values(tmp_path, "metadata", structs) == [
        '{"a": 1, "b": "é"}',
        None,
        '{"a": null, "b": "x"}',
    ]
    maps = pa.array([[("a", 1.5)], [], [("a", float("nan"))]], pa.map_(pa.string(), pa.float64()))
    assert values(tmp_path, "metadata", maps) == ['{"a": 1.5}', "{}", "invalid_json"]


def test_a_column_of_a_type_that_cannot_fit(tmp_path: Path) -> None:
    for name, array in {
        "id": pa.array([1]),
        "created_at": pa.array([date(2025, 1, 5)]),
        "click_through": pa.array([1]),
        "dwell_time_ms": pa.array([True]),
        "metadata": pa.array([[1]]),
        "user_id": pa.array([b"x"]),
    }.items():
        with pytest.raises(ConfigurationError, match=rf"a\.parquet: column {name} is "):
            read(save(tmp_path / "a.parquet", table(**{name: array})))


def test_columns_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="lacks user_id"):
        read(save(tmp_path / "a.parquet", table().drop_columns("user_id")))
    extra = table().append_column("extra", pa.array([1]))
    with pytest.raises(ConfigurationError, match="has unknown extra"):
        read(save(tmp_path / "a.parquet", extra))
    loaded = table().append_column("loaded_at", pa.array([1]))
    assert len(read(save(tmp_path / "a.parquet", loaded))[0]) == 1


def test_batches_and_an_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "BATCH_ROWS", 7)
    times = ["now" if row == 30 else "2025-01-05T10:00:00Z" for row in range(50)]
    rows, rejected = read(save(tmp_path / "a.parquet", table(50, created_at=pa.array(times))))
    assert len(rows) == 49
    assert [row.line for row in rejected] == [31]
    assert read(save(tmp_path / "b.parquet", table(0))) == ([], [])


def test_a_broken_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.parquet", table(1000))
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1"):
        with pytest.raises(ConfigurationError, match=r"a\.parquet: broken Parquet file"):
            read(write(path, broken))
