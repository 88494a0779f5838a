"""What `recwatch analyze` takes for a number, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.alerts.analyze.support import COLUMNS, MEAN, figures_of, refused, told, write_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "small.csv", "user,arm,m,d", "1,a,1,2", "2,a,2,2", "3,b,5,2")


# Numbers.


def test_more_than_four_decimals_are_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    m = rng.lognormal(0, 2, 2_000)
    arm = ["a", "b"] * 1_000
    users = [str(user) for user in range(2_000)]
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"user": users, "arm": arm, "m": m}), file)
    found = told(file, *MEAN)
    [column] = found["columns"]
    assert not column["is_exact"]
    assert column["decimals"] >= 10
    result = found["comparisons"][0]["estimate"]
    variances = [m[start::2].var(ddof=1) / 1_000 for start in (0, 1)]
    assert result["difference"] == pytest.approx(m[1::2].mean() - m[::2].mean(), rel=1e-11)
    assert result["std_error"] == pytest.approx(sum(variances) ** 0.5, rel=1e-11)
    text = write_csv(
        tmp_path / "x.csv",
        "user,arm,m",
        *(f"{u},{a},{v!r}" for u, a, v in zip(users, arm, m.tolist(), strict=True)),
    )
    of_text = told(text, *MEAN)["comparisons"][0]["estimate"]
    assert figures_of(of_text) == pytest.approx(figures_of(result), rel=1e-11)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.decimal128(12, 4), pa.string()])
def test_up_to_four_decimals_are_exact_whatever_holds_them(tmp_path: Path, kind: Any) -> None:
    values = ["0.1", "0.2", "0.3", "1.1234"]
    column = pa.array(values).cast(pa.float64() if pa.types.is_floating(kind) else pa.string())
    table = pa.table({"user": ["1", "2", "3", "4"], "arm": list("aabb"), "m": column.cast(kind)})
    pq.write_table(table, tmp_path / "x.parquet")
    found = told(tmp_path / "x.parquet", *MEAN)
    assert found["columns"][0]["is_exact"]
    # (0.3 + 1.1234) / 2, the nearest float to it
    assert found["comparisons"][0]["estimate"]["treatment"] == 0.7117
    assert found["comparisons"][0]["estimate"]["control"] == 0.15


def test_a_small_variance_far_from_zero_is_not_lost(tmp_path: Path) -> None:
    rows = [f"{user},{'ab'[user % 2]},{10**11 + user % 3}" for user in range(600)]
    file = write_csv(tmp_path / "x.csv", "user,arm,m", *rows)
    result = told(file, *MEAN)["comparisons"][0]["estimate"]
    values = np.arange(600) % 3
    variances = [values[start::2].var(ddof=1) / 300 for start in (0, 1)]
    assert result["std_error"] == pytest.approx(sum(variances) ** 0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("n/a", "1 of 4 values are no numbers, the first 'n/a' in row 3"),
        ("1,5", "line 4"),
        ("0x10", "no numbers"),
        ("1_000", "no numbers"),
        (" 5", "no numbers"),
        ("NaN", "1 of 4 values are not finite, the first 'NaN' in row 3"),
        ("-inf", "not finite"),
        ("1e999", "not finite"),
        ("1e15", "too large"),
    ],
)
def test_what_is_no_number_is_refused_with_its_row(
    tmp_path: Path, value: str, message: str
) -> None:
    file = write_csv(tmp_path / "x.csv", "user,arm,m", "1,a,1", "2,a,2", f"3,b,{value}", "4,b,5")
    assert message in refused(file, *MEAN)


def test_numbers_that_are_not_finite_in_parquet(tmp_path: Path) -> None:
    table = {"user": [1, 2, 3, 4], "arm": list("aabb"), "m": [1.0, 2.0, 3.0, float("nan")]}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    assert "1 of 4 values are not finite, the first 'nan' in row 4" in refused(
        tmp_path / "x.parquet", *MEAN
    )


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*COLUMNS, "--metric", "M"), "no column 'M': did you mean m?"),
        ((*COLUMNS, "--metric", "m/dd"), "no column 'dd': did you mean d?"),
        ((*COLUMNS, "--metric", "m/"), "write COL, or COL/COL"),
        ((*MEAN, "--covariate", "zzz"), "no column 'zzz': it has user, arm, m, d"),
        ((*MEAN, "--stratum", "armm"), "did you mean arm?"),
        ((*MEAN, "--metric", "m"), "named twice"),
        ((*MEAN, "--covariate", "d", "--covariate", "d"), "2 for 1 metrics"),
        ((*MEAN, "--weights", "a:x"), "write NAME:WEIGHT"),
        ((*MEAN, "--weights", "a:-1,b:2"), "write NAME:WEIGHT"),
        ((*MEAN, "--weights", "a:1,a:2"), "stands twice"),
        ((*MEAN, "--weights", "a:0"), "all are 0"),
        ((*MEAN, "--alpha", "1"), "--alpha 1"),
        ((*COLUMNS[:-1], "x", "--metric", "m"), "--control x: column arm has a, b"),
        ((*COLUMNS, "--metric", "arm"), "no numbers"),
    ],
)
def test_wrong_usage(small: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(small, *arguments)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"user,arm,m\n", "is empty: it has columns, but no rows"),
        ("x.csv", b"user;arm;m\n1;a;2\n", "divided by ';'"),
        ("x.csv", b"user,arm,m,m\n1,a,2,3\n", "names twice m"),
        ("x.csv", b"user,arm,m\n1,a\n", "line 2: Expected Number of Columns: 3 Found: 2"),
        ("x.csv", b"user,arm,m\n1,a,\xff\n", "line 2: Invalid unicode"),
        ("x.csv", b"user,arm,m\n1,a,1\n2,a,2\n", "has a only"),
        ("x.csv", b"user,arm,m\n,a,1\n2,,2\n", "no row has both a user and a arm"),
        ("x.jsonl", b"{}", "analyze takes .csv"),
        ("x.parquet", b"PAR1nothing", "broken Parquet"),
        ("x.csv.gz", b"nothing", "is not gzip"),
        ("x.txt", b"", "unknown ending"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert message in refused(tmp_path / name, *MEAN)


def test_no_file(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.csv", *MEAN)


def test_a_column_that_is_no_variation(tmp_path: Path) -> None:
    rows = [f"{user},{user},{user}" for user in range(200)]
    file = write_csv(tmp_path / "x.csv", "user,arm,m", *rows)
    assert "more than 50 values" in refused(file, *MEAN)


def test_dates_are_no_metric(tmp_path: Path) -> None:
    table = pa.table({"user": [1], "arm": ["a"], "m": pa.array([0], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "x.parquet")
    assert "holds TIMESTAMP, no numbers" in refused(tmp_path / "x.parquet", *MEAN)
