import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.errors import ConfigurationError
from alerts.raw import csv_file
from alerts.raw.tables import find_table
from tests.alerts.raw.strategies import TIMES
from tests.alerts.raw.support import impression, lines, read, write

NAMES = find_table("personalization_metrics").names
HEADER = ",".join(NAMES) + "\r\n"
SOUND = 'i1,u1,home,,,true,12.5,r1,d1,"{""country"": ""JP""}",2025-01-05T10:00:00Z\r\n'


def record(**changes: str) -> str:
    """A sound record with some fields changed."""
    fields = dict(zip(NAMES, next(csv.reader([SOUND])), strict=True)) | changes
    out = io.StringIO()
    csv.writer(out).writerow(fields.values())
    return out.getvalue()


def test_a_csv_reads_as_the_same_rows_in_json_lines(tmp_path: Path) -> None:
    from_csv = read(write(tmp_path / "a.csv", HEADER + SOUND))
    from_json = read(write(tmp_path / "a.jsonl", lines(impression())))
    assert from_csv == from_json


def test_why_records_are_rejected(tmp_path: Path) -> None:
    cases = [
        (record(click_through="1"), "invalid_boolean"),
        (record(click_through="yes"), "invalid_boolean"),
        (record(dwell_time_ms="NaN"), "invalid_number"),
        (record(dwell_time_ms="1,5"), "invalid_number"),
        (record(dwell_time_ms=" 1"), "invalid_number"),
        (record(created_at="now"), "invalid_time"),
        (record(created_at="2025-01-05"), "invalid_time"),
        (record(metadata="{"), "invalid_json"),
        (record(metadata="[1]"), "invalid_json"),
        (record(metadata='{"a":1,}'), "invalid_json"),
        (record(id="x" * 513), "invalid_text"),
        ("a,b\r\n", "wrong_width"),
        (SOUND.strip() + ",extra\r\n", "wrong_width"),
        ('"a"b,' + SOUND, "invalid_csv"),
    ]
    text = HEADER + SOUND + "".join(text for text, _ in cases)
    rows, rejected = read(write(tmp_path / "a.csv", text))
    assert len(rows) == 1
    assert [row.reason for row in rejected] == [reason for _, reason in cases]
    assert [row.line for row in rejected] == list(range(3, len(cases) + 3))
    assert [row.content for row in rejected] == [text.rstrip("\r\n") for text, _ in cases]


def test_booleans_in_any_case_and_null_documents(tmp_path: Path) -> None:
    text = HEADER + record(click_through="TRUE") + record(click_through="fALSE", metadata="null")
    rows, rejected = read(write(tmp_path / "a.csv", text))
    assert not rejected
    assert [row["click_through"] for row in rows] == [True, False]
    assert rows[1]["metadata"] is None


def test_quoted_line_ends_count_as_lines(tmp_path: Path) -> None:
    text = HEADER + record(user_id="two\r\nlines") + "\r\n" + record(id="bad", created_at="now")
    rows, rejected = read(write(tmp_path / "a.csv", text))
    assert rows[0]["user_id"] == "two\r\nlines"
    assert [row.line for row in rejected] == [5]


def test_odd_bytes_cost_their_record_only(tmp_path: Path) -> None:
    content = (HEADER + record(user_id="\x00") + SOUND).encode() + SOUND.encode().replace(
        b"u1", b"\xff"
    )
    rows, rejected = read(write(tmp_path / "a.csv", content))
    assert len(rows) == 1
    assert [(row.line, row.reason) for row in rejected] == [
        (2, "invalid_text"),
        (4, "invalid_text"),
    ]
    assert "\\x00" in rejected[0].content
    assert "\\xff" in rejected[1].content


def test_an_unclosed_quote_swallows_the_rest_but_loses_nothing(tmp_path: Path) -> None:
    text = HEADER + SOUND + 'i2,"u2\nx\n' + "y\n" * 9
    rows, rejected = read(write(tmp_path / "a.csv", text))
    assert len(rows) == 1
    assert [(row.line, row.reason) for row in rejected] == [(3, "invalid_csv")]
    assert rejected[0].content == 'i2,"u2\nx\n' + "y\n" * 8 + "y"


def test_an_endless_record_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.raw.source.MAX_RECORD_BYTES", 2_000)
    with pytest.raises(ConfigurationError, match="a quote that is never closed"):
        read(write(tmp_path / "a.csv", HEADER + '"' + "x\n" * 2_000))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "no CSV header"),
        ("\r\n\r\n", "no CSV header"),
        ("id,user_id", "lacks surface, experiment_key"),
        (",".join(NAMES[:-1]), "lacks created_at"),
        (",".join(NAMES) + ",extra,more", "has unknown extra, more"),
        (",".join(NAMES) + ",id", "names twice id"),
        (",".join(NAMES).replace("id,user", " id,user"), "lacks id; has unknown  id"),
        ('{"id": "x"}', "lacks id"),
        ("\udcff".join(NAMES), r"\xff"),
    ],
)
def test_a_header_that_does_not_fit(tmp_path: Path, header: str, message: str) -> None:
    content = header.encode("utf-8", "surrogateescape")
    with pytest.raises(ConfigurationError) as caught:
        read(write(tmp_path / "a.csv", content))
    assert "a.csv" in str(caught.value)
    assert message in str(caught.value)


def test_columns_in_any_order_with_loaded_at_and_a_byte_order_mark(tmp_path: Path) -> None:
    names = [*reversed(NAMES), "loaded_at"]
    text = "\ufeff" + ",".join(names) + "\n" + ",".join([""] * 10 + ["i1", "2020"]) + "\n"
    rows, rejected = read(write(tmp_path / "a.csv", text))
    assert not rejected
    assert rows == [dict.fromkeys(NAMES) | {"id": "i1"}]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(csv_file, "BATCH_ROWS", 7)
    text = HEADER + "".join(
        record(id=f"i{number}") if number != 30 else "x\r\n" for number in range(50)
    )
    rows, rejected = read(write(tmp_path / f"a{ending}", text))
    assert [row["id"] for row in rows] == [f"i{number}" for number in range(50) if number != 30]
    assert [row.line for row in rejected] == [32]


AS_THEY_STAND = ("click_through", "dwell_time_ms", "metadata")
FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "user_id": FIELDS,
                "dwell_time_ms": st.sampled_from(["", "1", "0.0005", "-1e2", "1e400"]),
                "metadata": st.sampled_from(["", "{}", '{"a": 1, "a": 2}', '{"a":NaN}', "[]"]),
                "created_at": TIMES,
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_csv_and_json_lines_agree(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, str]]
) -> None:
    directory = tmp_path_factory.mktemp("agree")
    in_csv = HEADER + "".join(record(id="i1", **fields) for fields in records)
    in_json = ""
    for fields in records:
        sound = dict(zip(NAMES, next(csv.reader([SOUND])), strict=True)) | fields
        texts = {
            name: value if name in AS_THEY_STAND else json.dumps(value)
            for name, value in sound.items()
            if value
        }
        in_json += "{" + ",".join(f'"{name}":{value}' for name, value in texts.items()) + "}\n"
    csv_rows, csv_rejected = read(write(directory / "a.csv", in_csv))
    json_rows, json_rejected = read(write(directory / "a.jsonl", in_json))
    assert csv_rows == json_rows
    assert [row.reason for row in csv_rejected] == [row.reason for row in json_rejected]
