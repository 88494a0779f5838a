"""How many threads DuckDB has in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.project.conftest import duckdb_output
from tests.project.harness import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("named", [None, 1])
def test_four_at_least_unless_the_profile_names_their_number(
    named: int | None, tmp_path: Path
) -> None:
    output = duckdb_output(tmp_path / "shop.duckdb")
    if named is not None:
        output["settings"] |= {"threads": named}
    project = Project("duckdb", output, tmp_path)
    project.dbt("seed", "--select", "surfaces")
    # dbt keeps its connection in this process: this one shares the database and its settings.
    with duckdb.connect(output["path"]) as connection:
        [(threads,)] = connection.execute("select current_setting('threads')").fetchall()
    [(cores,)] = duckdb.execute("select current_setting('threads')").fetchall()
    assert threads == (named or max(4, cores))
