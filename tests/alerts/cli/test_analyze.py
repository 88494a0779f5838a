"""`recwatch analyze` as a user calls it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alerts.experiments.cuped import cuped
from alerts.experiments.estimates import delta, welch
from tests.alerts.analyze.support import COLUMNS, MEAN, figures_of, run, told, write_csv
from tests.alerts.experiments.reference import arms, done, exactly, figures
from tests.project.harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.alerts.experiments.reference import Users

DATA = ROOT.parent / "shared" / "data" / "cookie_cats"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Five users, two rows of one of them."""
    rows = ("user,arm,m,d", "1,a,1,2", "2,a,2,2", "2,a,4,1", "3,b,5,2", "4,b,9,1", "5,b,3,4")
    return write_csv(tmp_path / "small.csv", *rows)


# Real data.


real = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real experiment (shared/data/cookie_cats) is not part of a clone"
)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((DATA / "expected.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def cats() -> dict[str, Any]:
    metrics = ("sum_gamerounds", "retention_1", "retention_7")
    return told(
        DATA / "cookie_cats.csv.gz",
        *("--unit", "userid", "--variation", "version", "--control", "gate_30"),
        *(part for metric in metrics for part in ("--metric", metric)),
    )


@real
def test_cookie_cats_sample_ratio(cats: dict[str, Any], expected: dict[str, Any]) -> None:
    figures = expected["srm_50_50"]
    assert [arm["units"] for arm in cats["arms"]] == figures["observed"]
    assert (cats["srm"]["chi2"], cats["srm"]["p_value"]) == exactly(figures["chi2"], figures["p"])
    assert cats["srm"]["df"] == figures["df"]
    assert not cats["srm"]["is_mismatch"]


@real
def test_cookie_cats_rounds(cats: dict[str, Any], expected: dict[str, Any]) -> None:
    figures = expected["welch_gamerounds_all"]
    result = cats["comparisons"][0]["estimate"]
    assert (result["control"], result["treatment"]) == exactly(
        figures["control"]["mean"], figures["treatment"]["mean"]
    )
    assert (result["difference"], result["std_error"], result["statistic"]) == exactly(
        figures["diff_abs"], figures["se"], figures["t"]
    )
    assert (result["degrees_of_freedom"], result["p_value"]) == exactly(figures["df"], figures["p"])
    assert tuple(result["interval"]) == exactly(*figures["ci95"])
    assert result["lift"]["value"] == pytest.approx(figures["lift_rel"], rel=1e-9)
    assert result["users"] == figures["control"]["n"] + figures["treatment"]["n"]
    assert cats["comparisons"][0]["impression_level"] is None


@pytest.mark.parametrize(("place", "days"), [(1, 1), (2, 7)])
@real
def test_cookie_cats_retention(
    cats: dict[str, Any], expected: dict[str, Any], place: int, days: int
) -> None:
    figures = expected[f"z_retention_{days}"]
    comparison = cats["comparisons"][place]
    result, pooled = comparison["impression_level"], figures["pooled_z"]
    assert result["decides"] is False
    assert (result["statistic"], result["p_value"], result["std_error"]) == exactly(
        pooled["z"], pooled["p"], pooled["se"]
    )
    assert (result["difference"], result["lift"]["value"]) == exactly(
        figures["diff_abs"], figures["lift_rel"]
    )
    assert tuple(result["interval"]) == exactly(*figures["unpooled_z"]["ci95_diff_abs"])
    welch_z = comparison["estimate"]["statistic"]
    assert welch_z == pytest.approx(figures["unpooled_z"]["z"], rel=1e-4)


@real
def test_cookie_cats_holm_over_all_metrics(cats: dict[str, Any]) -> None:
    p = [each["estimate"]["p_value"] for each in cats["comparisons"]]
    adjusted = [each["estimate"]["p_value_holm"] for each in cats["comparisons"]]
    assert adjusted == pytest.approx([p[0], 2 * p[1], 3 * p[2]])


# Users made here: the same figures as from their totals.


def in_rows(control: Users, treatment: Users, seed: int) -> pa.Table:
    """Each user's totals over one to three rows, the covariates on one of them."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for arm, users in (("a", control), ("b", treatment)):
        for place in range(len(users)):
            parts = int(rng.integers(1, 4))
            m, d = (
                rng.multinomial(int(total[place]), [1 / parts] * parts)
                for total in (users.m, users.d)
            )
            for part in range(parts):
                past = (users.p[place], users.q[place]) if part == 0 else (None, None)
                segment = f"s{place % 3}"
                rows.append((f"{arm}{place}", arm, m[part], d[part], *past, segment))
    order = rng.permutation(len(rows))
    names = ("user", "arm", "m", "d", "p", "q", "segment")
    columns = zip(*(rows[place] for place in order), strict=True)
    return pa.table(
        {
            name: [one.item() if isinstance(one, np.generic) else one for one in column]
            for name, column in zip(names, columns, strict=True)
        }
    )


@pytest.fixture(scope="module")
def ratio() -> tuple[Users, Users]:
    return arms("ratio", (900, 1_100), 0.2)


@pytest.fixture(scope="module", params=["csv", "csv.gz", "parquet"])
def file(
    request: pytest.FixtureRequest,
    ratio: tuple[Users, Users],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    table = in_rows(*ratio, seed=1)
    path = tmp_path_factory.mktemp("files") / f"[rows]*.{request.param}"
    if request.param == "parquet":
        pq.write_table(table, path)
        return path
    lines = [",".join(table.column_names)]
    lines += [
        ",".join("" if value is None else str(value) for value in row.values())
        for row in table.to_pylist()
    ]
    text = "\ufeff" + "\r\n".join(lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_many_rows_per_user_are_added_up(file: Path, ratio: tuple[Users, Users]) -> None:
    found = told(
        file, *COLUMNS, "--metric", "m/d", "--metric", "m", "--covariate", "p/q", "--covariate", "p"
    )
    moments = [users.moments() for users in ratio]
    assert [(arm["name"], arm["units"]) for arm in found["arms"]] == [("a", 900), ("b", 1_100)]
    of_ratio, of_mean = found["comparisons"]
    assert figures_of(of_ratio["estimate"]) == pytest.approx(
        figures(done(delta(*moments))), rel=1e-12
    )
    assert figures_of(of_mean["estimate"]) == pytest.approx(
        figures(done(welch(*moments))), rel=1e-12
    )
    for kind, comparison in (("ratio", of_ratio), ("mean", of_mean)):
        expected = done(cuped(kind, *moments))  # type: ignore[arg-type]
        adjusted = comparison["cuped"]
        assert figures_of(adjusted) == pytest.approx(figures(done(expected.adjusted)), rel=1e-12)
        assert adjusted["correlation"] == pytest.approx(expected.correlation, rel=1e-12)
        assert adjusted["variance_cut"] == pytest.approx(expected.variance_cut, rel=1e-12)
    [p, q] = [column for column in found["columns"] if column["name"] in "pq"]
    assert p["per_unit"] == q["per_unit"] == "sum"
    assert p["missing"] == q["missing"] > 0
    assert all(column["is_exact"] for column in found["columns"])
    assert any("count as 0" in note for note in found["notes"])


def test_strata(file: Path) -> None:
    found = told(file, *COLUMNS, "--metric", "m/d", "--stratum", "segment")
    [comparison] = found["comparisons"]
    assert comparison["post_stratified"]["strata"] == [["s0"], ["s1"], ["s2"]]
    assert comparison["post_stratified"]["reason"] is None
    assert comparison["cuped"] is None
    assert "3 strata cut" in run(file, *COLUMNS, "--metric", "m/d", "--stratum", "segment")


def test_clicks_of_impressions_have_the_z_of_the_plan(file: Path) -> None:
    found = told(file, *COLUMNS, "--metric", "m/d", "--metric", "d/m", "--metric", "m")
    z = [comparison["impression_level"] for comparison in found["comparisons"]]
    # Rows were drawn apart: in some of them there are more clicks than impressions.
    assert z == [None, None, None]
    whole = pa.table({"user": ["1", "2", "3", "4"], "arm": list("aabb"), "c": [1, 0, 2, 3]})
    path = file.with_name("whole.parquet")
    pq.write_table(whole.append_column("i", pa.array([5, 5, 5, 5])), path)
    [comparison] = told(path, *COLUMNS, "--metric", "c/i")["comparisons"]
    assert comparison["impression_level"]["method"] == "impression-level z"
    assert comparison["impression_level"]["users"] == 20
    assert comparison["impression_level"]["control"] == 0.1


# What is said of the file.


def test_text(small: Path) -> None:
    text = run(small, *MEAN, "--metric", "m/d", "--weights", "a:2,b:3")
    assert "6 rows, 5 units by user, 2 arms by arm, control a." in text
    assert "b: 3 units, 3.0 expected (weight 0.6)" in text
    assert "Welch" in text
    assert "delta" in text
    assert "Holm: over 2 comparisons" in text


def test_levels(small: Path) -> None:
    mean, ratio = told(small, *MEAN, "--metric", "m/d")["comparisons"]
    assert (mean["estimate"]["control"], mean["estimate"]["treatment"]) == (3.5, 17 / 3)
    assert (ratio["estimate"]["control"], ratio["estimate"]["treatment"]) == (7 / 5, 17 / 7)


def test_mixed_and_missing_are_counted_and_left_out(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "x.csv",
        "user,arm,m",
        *("1,a,1", "2,a,2", "3,b,3", "4,b,5", "5,a,100", "5,b,100", "5,b,100", ",a,7", "6, ,7"),
    )
    found = told(file, *MEAN)
    assert (found["rows"], found["rows_without_unit"], found["rows_without_variation"]) == (9, 1, 1)
    assert found["mixed_units"] == 1
    assert [arm["units"] for arm in found["arms"]] == [2, 2]
    assert found["comparisons"][0]["estimate"]["difference"] == 2.5
    assert "1 units in two variations" in run(file, *MEAN)


def test_flags_in_any_spelling(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "x.csv",
        "user,arm,m",
        *("1,a,True", "2,a,false", "3,b,TRUE", "4,b,1", "5,b,0.0"),
    )
    [comparison] = told(file, *MEAN)["comparisons"]
    assert comparison["estimate"]["control"] == 0.5
    assert comparison["impression_level"]["treatment"] == 2 / 3
    assert comparison["impression_level"]["decides"] is False


def test_an_attribute_on_every_row_counts_once(tmp_path: Path) -> None:
    rows = [f"{user},{'ab'[user % 2]},{user % 7},{user % 5}" for user in range(40)]
    once = write_csv(tmp_path / "once.csv", "user,arm,m,p", *rows)
    # The second row of a user brings nothing but his attribute again.
    more = [f"{user},{'ab'[user % 2]},0,{user % 5}" for user in range(0, 40, 3)]
    again = write_csv(tmp_path / "again.csv", "user,arm,m,p", *rows, *more)
    first, second = (told(file, *MEAN, "--covariate", "p") for file in (once, again))
    assert first["comparisons"] == second["comparisons"]
    assert [column["per_unit"] for column in second["columns"]] == ["sum", "once"]
    assert any("counts once" in note for note in second["notes"])


def test_a_covariate_that_cannot_help_says_why(small: Path) -> None:
    [mean] = told(small, *MEAN, "--covariate", "d/m")["comparisons"]
    assert mean["cuped"]["reason"] == "a mean per unit needs a covariate per unit, not a ratio"
    assert mean["cuped"]["theta"] is None


def test_a_segment_that_changes_is_a_segment_of_its_own(tmp_path: Path) -> None:
    rows = [f"{u},{'ab'[u % 2]},{u % 7},{'xy'[u % 4 // 2]}" for u in range(40)]
    rows += ["0,a,0,y", "1,b,0,y", "4,a,0,y", "5,b,0,y"]
    file = write_csv(tmp_path / "x.csv", "user,arm,m,s", *rows)
    [comparison] = told(file, *MEAN, "--stratum", "s")["comparisons"]
    assert comparison["post_stratified"]["strata"] == [["(several)"], ["x"], ["y"]]


def test_a_mismatch_is_loud(tmp_path: Path) -> None:
    rows = [f"{user},{'a' if user < 300 else 'b'},{user % 3}" for user in range(1_000)]
    file = write_csv(tmp_path / "x.csv", "user,arm,m", *rows)
    assert "SAMPLE RATIO MISMATCH: chi-square 160 on 1 df" in run(file, *MEAN)
    assert told(file, *MEAN)["srm"]["is_mismatch"] is True
    assert "SAMPLE RATIO" not in run(file, *MEAN, "--weights", "a:0.3,b:0.7")
    stray = run(file, *MEAN, "--weights", "a:1,c:1")
    assert "users in an arm without weight: 700 in b" in stray
    empty = told(file, *MEAN, "--weights", "a:3,b:7,c:1")
    assert empty["comparisons"][1]["estimate"]["reason"] == "no treatment"
    assert empty["comparisons"][1]["estimate"]["p_value_holm"] is None


def test_names_are_never_read_as_sql_or_markup(tmp_path: Path) -> None:
    user, arm, metric = 'a"; drop table units; --', "[bold]arm'", "m/[/red]"
    table = {user: ["1", "2", "3", "4"], arm: ["a'", "a'", "b", "b"], metric: [1, 2, 3, 5]}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    arguments = ("--unit", user, "--variation", arm, "--control", "a'", "--metric", metric)
    assert metric in run(tmp_path / "x.parquet", *arguments)
