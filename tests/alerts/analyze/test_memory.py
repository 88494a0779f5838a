"""A file is analysed in less memory than its units need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

UNITS = 600_000
LIMIT = "100MB"
ROWS = """
copy (
    select
        'user-' || lpad((i % {units})::varchar, 60, '0') as user_id,
        if(i % 2 = 0, 'a', 'b') as arm,
        (i % 97) / 4.0 as money,
        (hash(i) % 1000)::double as before
    from range({units} * 2) as t (i)
) to '{path}'
"""
CALL = """
import json, pathlib, sys
from alerts.analyze import table
from alerts.analyze.collect import Measure, Request, collect
request = Request("user_id", "arm", None, (Measure("money"),), (Measure("before"),))
with table.open_table(sys.argv[1], sys.argv[2]) as opened:
    found = collect(opened, request)
status = pathlib.Path("/proc/self/status").read_text()
peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps([int(peak), {name: repr(cells["all"]) for name, cells in found.arms.items()}]))
"""


def collected(path: Path, memory: str) -> tuple[int, dict[str, str]]:
    """Peak memory in kB, and what was found."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(path), memory], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    peak, found = json.loads(done.stdout)
    return peak, found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory as Linux tells it")
def test_memory_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(ROWS.format(units=UNITS, path=path))
    peak, found = collected(path, LIMIT)
    free, same = collected(path, "8GB")
    assert found == same
    assert f"units={UNITS // 2}" in found["a"]
    # Python, numpy and scipy are 130 MB of both.
    assert peak < 300_000 < free
