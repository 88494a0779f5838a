import gzip
from pathlib import Path

import pytest

from alerts.errors import ConfigurationError
from alerts.raw.source import Source
from tests.alerts.raw.support import impression, lines, read, write

# No time in it: parameters name the tests, and two processes must find the same names.
PACKED = gzip.compress(lines(impression()).encode(), mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"PAR1xxxx", "its content is Parquet: name it .parquet"),
        ("a.jsonl", b"PAR1xxxx", "its content is Parquet"),
        ("a.parquet", b"id,user_id\n", "its content is not Parquet"),
        ("a.parquet", b"", "its content is not Parquet"),
        ("a.jsonl", PACKED, "its content is gzip: name it with .gz"),
        ("a.parquet", PACKED, "its content is gzip"),
        ("a.jsonl.gz", b'{"id":"x"}\n', "its content is not gzip"),
        ("a.jsonl.gz", b"", "its content is not gzip"),
        ("a.jsonl.gz", gzip.compress(b"PAR1xxxx", mtime=0), "its content is Parquet"),
        ("a.jsonl.gz", PACKED[:-20], "broken gzip file"),
        ("a.jsonl.gz", PACKED[:-8] + b"\x00" * 8, "broken gzip file"),
        ("a.csv.gz", PACKED[:-20], "broken gzip file"),
        ("a.jsonl.gz", PACKED[:12] + b"\xff" * 30, "broken gzip file"),
        ("a.txt", b"x", "unknown ending"),
        ("a", b"x", "unknown ending"),
        ("a.json", b"x", "unknown ending"),
        ("a.gz", PACKED, "unknown ending"),
        ("a.parquet.gz", PACKED, "unknown ending"),
    ],
)
def test_a_file_that_is_not_what_its_name_says(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="empty file name"):
        Source("")
    with pytest.raises(ConfigurationError, match="is a directory"):
        Source(tmp_path)
    with pytest.raises(ConfigurationError, match=r"b\.csv: No such file"):
        Source(tmp_path / "b.csv")


def test_a_packed_file_of_several_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(PACKED + PACKED)
    assert len(read(path)[0]) == 2


def test_a_closed_source_has_been_read_whole(tmp_path: Path) -> None:
    with Source(write(tmp_path / "a.csv", "id\n")) as source:
        assert source.position < 4 or source.size == 3
    assert source.position == source.size == 3
