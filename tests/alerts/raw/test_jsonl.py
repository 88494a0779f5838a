import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.errors import ConfigurationError
from alerts.raw import jsonl
from alerts.raw.jsonl import LineReader
from alerts.raw.source import Source
from alerts.raw.tables import find_table
from tests.alerts.raw.strategies import json_lines
from tests.alerts.raw.support import impression, lines, read, write

SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def reasons(path: Path, *rows: object) -> list[str]:
    """Why each row is rejected, after one that is sound."""
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    write(path, lines(impression(), *texts))
    loaded, rejected = read(path)
    assert len(loaded) + len(rejected) == len(rows) + 1
    assert [row.line for row in rejected] == list(range(2, len(rows) + 2))
    return [row.reason for row in rejected]


def test_a_sound_row(tmp_path: Path) -> None:
    rows, rejected = read(write(tmp_path / "a.jsonl", lines(impression())))
    assert not rejected
    assert rows == [
        {
            **impression(),
            "dwell_time_ms": Decimal("12.500"),
            "metadata": '{"country": "JP"}',
            "created_at": datetime(2025, 1, 5, 10, tzinfo=UTC),
        }
    ]


def test_an_absent_key_is_null_and_loaded_at_is_ignored(tmp_path: Path) -> None:
    texts = ['{"id":"a"}', '{"id":"b","loaded_at":"x"}', '{"id":"c","loaded_at":[1,{"a":2}]}']
    rows, rejected = read(write(tmp_path / "a.jsonl", "\n".join(texts)))
    assert not rejected
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert all(value is None for row in rows for name, value in row.items() if name != "id")


def test_why_rows_are_rejected(tmp_path: Path) -> None:
    cases = [
        ("{", "invalid_json"),
        ('{"id":"x",}', "invalid_json"),
        ("[1]", "invalid_json"),
        ('"x"', "invalid_json"),
        ("null", "invalid_json"),
        ('{"id":"x"} {"id":"y"}', "invalid_json"),
        ('{"id":"x"}{"id":"y"}', "invalid_json"),
        (r'{"id":"\u0000"}', "invalid_json"),
        (r'{"id":"\ud800"}', "invalid_json"),
        ('{"id":"x","metadata":{"a":NaN}}', "invalid_json"),
        ('{"id":"x","loaded_at":NaN}', "invalid_json"),
        ('{"id":"x","metadata":{"a":1e400}}', "invalid_json"),
        ('{"id":"x","metadata":{"a":1e-400}}', "invalid_json"),
        ('{"id":"x","metadata":[1]}', "invalid_json"),
        ('{"id":"x","metadata":"{}"}', "invalid_json"),
        ('{"id":"x","extra":null}', "unknown_column"),
        ('{"ID":"x"}', "unknown_column"),
        ('{"id":1}', "invalid_text"),
        ('{"id":true}', "invalid_text"),
        ('{"id":1e400}', "invalid_text"),
        ('{"id":"' + "x" * 513 + '"}', "invalid_text"),
        ('{"id":"x","click_through":1}', "invalid_boolean"),
        ('{"id":"x","click_through":"true"}', "invalid_boolean"),
        ('{"id":"x","dwell_time_ms":"1"}', "invalid_number"),
        ('{"id":"x","dwell_time_ms":1e400}', "invalid_number"),
        ('{"id":"x","dwell_time_ms":1e15}', "invalid_number"),
        ('{"id":"x","dwell_time_ms":[1]}', "invalid_number"),
        ('{"id":"x","created_at":"2025-01-05"}', "invalid_time"),
        ('{"id":"x","created_at":"now"}', "invalid_time"),
        ('{"id":"x","created_at":1736071200}', "invalid_time"),
        # Broken JSON counts first, then the first faulty column in the order of the table.
        ('{"created_at":1,"id":"x","dwell_time_ms":"1"}', "invalid_number"),
        ('{"created_at":1,"id":"x","dwell_time_ms":1e15}', "invalid_number"),
        ('{"created_at":"now","id":1}', "invalid_text"),
        ('{"id":1,"metadata":[1]}', "invalid_json"),
        ('{"id":1,"metadata":' + '{"a":' * 254 + "1" + "}" * 255, "invalid_json"),
    ]
    assert reasons(tmp_path / "a.jsonl", *(text for text, _ in cases)) == [
        reason for _, reason in cases
    ]


def test_a_line_that_is_no_utf8_is_rejected_alone(tmp_path: Path) -> None:
    sound = json.dumps(impression()).encode()
    content = sound + b'\n{"id":"\xff"}\r\n{"id":"a\x00"}\n' + sound
    rows, rejected = read(write(tmp_path / "a.jsonl", content))
    assert len(rows) == 2
    assert [tuple(row) for row in rejected] == [
        (2, "invalid_json", '{"id":"\\xff"}'),
        (3, "invalid_json", '{"id":"a\\x00"}'),
    ]


def test_a_document_keeps_its_digits_and_loses_duplicate_keys(tmp_path: Path) -> None:
    documents = [
        '{"a":0.1234567890123456789,"b":12345678901234567890123}',
        '{"a" : 1.50 , "b":[ ]}',
        '{"a":1,"b":{"c":1,"c":2.0},"a":3.10}',
    ]
    text = "".join(f'{{"metadata":{document}}}\n' for document in documents)
    rows, rejected = read(write(tmp_path / "a.jsonl", text))
    assert not rejected
    assert [row["metadata"] for row in rows] == [
        *documents[:2],
        '{"a":3.10,"b":{"c":2.0}}',
    ]


def test_line_ends_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"id":"a"}\r\n\r\n \t\n{"id":1}\n\n{"id":"b"}'
    rows, rejected = read(write(tmp_path / "a.jsonl", content))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert [(row.line, row.reason) for row in rejected] == [(4, "invalid_text")]


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".jsonl.gz", ".JSONL"])
def test_lines_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 50)
    numbered = [impression(id=f"i{number}") for number in range(100)]
    texts: list[dict[str, object] | str] = [*numbered[:40], "broken", *numbered[40:]]
    rows, rejected = read(write(tmp_path / f"a{ending}", lines(*texts)))
    assert [row["id"] for row in rows] == [f"i{number}" for number in range(100)]
    assert [row.line for row in rejected] == [41]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    for number, content in enumerate(("", "\n\n", " \r\n")):
        assert read(write(tmp_path / f"{number}.jsonl", content)) == ([], [])


@pytest.mark.parametrize(
    "content", ['[{"id":"a"},\n{"id":"b"}]\n', "id,user_id\n1,2\n", '{\n"id": "a"\n}\n', "\x00\n"]
)
def test_a_file_without_any_object_is_no_json_lines(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError, match=r"a\.jsonl: not one line is a JSON object"):
        read(write(tmp_path / "a.jsonl", content))


def test_one_broken_object_is_a_rejected_row(tmp_path: Path) -> None:
    rows, rejected = read(write(tmp_path / "a.jsonl", '{"id":"x",}\n'))
    assert not rows
    assert [row.reason for row in rejected] == ["invalid_json"]


def test_the_whole_of_long_content_is_kept(tmp_path: Path) -> None:
    line = '{"id":1,"user_id":"' + "x" * 3_000_000 + '"}'
    _, rejected = read(write(tmp_path / "a.jsonl", line))
    assert rejected[0].content == line


def test_an_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.raw.source.MAX_RECORD_BYTES", 1_000)
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 100)
    with pytest.raises(ConfigurationError, match="without line ends"):
        read(write(tmp_path / "a.jsonl", "x" * 2_000))


@pytest.mark.parametrize("table", ["personalization_metrics", "experiments", "shop_events"])
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_TO_DRAW)
@given(data=st.data())
def test_the_fast_way_finds_what_the_precise_way_finds(table: str, data: st.DataObject) -> None:
    batch = data.draw(st.lists(json_lines(table), min_size=1, max_size=6))
    found = []
    for fast in (True, False):
        reader = LineReader(find_table(table), fast=fast)
        found.append(reader.batch(list(batch), 1, wary=jsonl._may_be_odd(b"\n".join(batch))))
    quick, precise = found
    assert quick.rows.to_pylist() == precise.rows.to_pylist()
    assert quick.rejected == precise.rejected
    blank = sum(not line.strip() for line in batch)
    assert quick.rows.num_rows + len(quick.rejected) + blank == len(batch)


def test_of_a_key_that_stands_twice_only_the_last_value_counts() -> None:
    too_deep = "[" * 300 + "]" * 300
    line = f'{{"id": "i1", "metadata": {{"a": {too_deep}}}, "metadata": {{}}}}'.encode()
    for fast in (True, False):
        batch = LineReader(find_table("personalization_metrics"), fast=fast).batch(
            [line], 1, wary=False
        )
        assert batch.rows.to_pylist()[0]["metadata"] == "{}"


def test_plain_rows_do_go_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the precise way was taken")

    monkeypatch.setattr(LineReader, "_precise", refuse)
    monkeypatch.setattr("alerts.raw.columns.check_document", refuse)
    monkeypatch.setattr("alerts.raw.columns.parse_time", refuse)
    monkeypatch.setattr("alerts.raw.columns.parse_number", refuse)
    compact = json.dumps(impression(), separators=(",", ":")).encode()
    batch = LineReader(find_table("personalization_metrics")).batch(
        [json.dumps(impression()).encode(), compact], 1, wary=False
    )
    assert batch.rows.num_rows == 2


def test_the_position_tells_how_far_the_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(impression(), impression()))
    with Source(path) as source:
        list(jsonl.read(source, find_table("personalization_metrics")))
        assert source.position == source.size == path.stat().st_size
