import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.warehouse import Target
from tests.alerts.raw.support import impression, lines, query, write

TABLE = "personalization_metrics"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose default target is a DuckDB file in it."""
    for name in ("DBT_TARGET", "DBT_PROFILES_DIR", "DBT_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dbt_project.yml").write_text("name: recwatch\nprofile: recwatch\n")
    profile = (
        "recwatch:\n  target: d\n  outputs:\n"
        "    d: {type: duckdb, path: w.duckdb}\n"
        "    down: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: s3cret, dbname: x}"
    )
    (tmp_path / "profiles.yml").write_text(profile)
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program as a user runs it."""
    code = "from alerts.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "load", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_files_are_loaded_and_said(project: Path) -> None:
    bad = impression(created_at="now")
    write(project / "a.jsonl", lines(impression(), impression(id="i2"), bad))
    write(project / "b.jsonl.gz", lines(impression(id="i3")))
    done = run(project, TABLE, "a.jsonl", "b.jsonl.gz")
    assert done.returncode == 0
    said = done.stdout.splitlines()
    assert said[0].startswith("a.jsonl: 2 rows loaded, 1 rejected (invalid_time 1) in ")
    assert said[1].startswith("b.jsonl.gz: 1 rows loaded in ")
    assert said[2].startswith("rejected rows are in raw.rejected_rows")
    assert done.stderr == ""
    target = Target("d", "duckdb", {"path": str(project / "w.duckdb")})
    assert query(target, f"select id from raw.{TABLE} order by id") == [("i1",), ("i2",), ("i3",)]
    assert query(target, "select file, line from raw.rejected_rows") == [("a.jsonl", 3)]
    assert query(target, "select count(*) from raw.decision_traces") == [(0,)]


def test_json(project: Path) -> None:
    write(project / "a.jsonl", lines(impression(), "{}}"))
    done = run(project, TABLE, "a.jsonl", "--json")
    document = json.loads(done.stdout)
    assert document["files"][0].pop("seconds") >= 0
    assert document == {
        "files": [
            {
                "file": "a.jsonl",
                "table": TABLE,
                "rows": 1,
                "rejected": 1,
                "rejected_by_reason": {"invalid_json": 1},
            }
        ],
        "rows": 1,
        "rejected": 1,
        "rejected_rows_table": "raw.rejected_rows",
    }


def test_a_failure_says_what_was_loaded_before(project: Path) -> None:
    write(project / "a.jsonl", lines(impression()))
    write(project / "b.jsonl", "[1]\n")
    done = run(project, TABLE, "a.jsonl", "b.jsonl", "--json")
    assert done.returncode == 2
    assert [file["file"] for file in json.loads(done.stdout)["files"]] == ["a.jsonl"]
    assert "b.jsonl: not one line is a JSON object" in done.stderr
    target = Target("d", "duckdb", {"path": str(project / "w.duckdb")})
    assert query(target, f"select count(*) from raw.{TABLE}") == [(1,)]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["nope", "a.jsonl"], 2, "unknown table 'nope': one of personalization_metrics, "),
        ([TABLE], 2, "Missing argument"),
        ([TABLE, "missing.jsonl"], 2, "missing.jsonl: No such file"),
        ([TABLE, ""], 2, "empty file name"),
        ([TABLE, "."], 2, "is a directory"),
        ([TABLE, "a.jsonl", "a.txt"], 2, "a.txt: unknown ending"),
        ([TABLE, "bad.csv"], 2, "bad.csv: not the columns of personalization_metrics: lacks"),
        ([TABLE, "a.jsonl", "--target", "nope"], 2, "has no target 'nope': it has d, down"),
        ([TABLE, "a.jsonl", "--profiles-dir", "/nowhere"], 2, "cp profiles.yml.example"),
        ([TABLE, "a.jsonl", "--target", "down"], 3, "cannot reach Postgres 127.0.0.1:1/x"),
    ],
)
def test_what_is_wrong_is_said_briefly(
    project: Path, arguments: list[str], exit_code: int, message: str
) -> None:
    write(project / "a.jsonl", lines(impression()))
    write(project / "a.txt", "x")
    write(project / "bad.csv", "id,user_id\n1,2\n")
    done = run(project, *arguments)
    assert done.returncode == exit_code
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
    if "Missing argument" not in message:
        assert len(done.stderr.splitlines()) <= 2
    if not {"bad.csv"} & set(arguments):
        assert not (project / "w.duckdb").exists()


def test_a_bar_on_a_terminal_only(project: Path) -> None:
    write(project / "a.jsonl", lines(*[impression(metadata={"x": "y" * 900})] * 40_000))
    terminal, end = pty.openpty()
    code = f"from alerts.cli import main; main(['load', '{TABLE}', 'a.jsonl'])"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "TERM": "xterm",
        "COLUMNS": "100",
    }
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
    ) as process:
        os.close(end)
        shown = b""
        while True:
            try:
                chunk = os.read(terminal, 4_096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            shown += chunk
        assert process.stdout is not None
        assert process.stdout.read().startswith("a.jsonl: 40,000 rows loaded in ")
    os.close(terminal)
    assert f"load {TABLE}".encode() in shown
    assert b"%" in shown


def test_a_line_now_and_then_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from alerts import progress

    clock = iter([0.0, 5.0, 10.0, 10.0, 12.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress("load x", 200) as advance:
        for _ in range(3):
            advance(50)
    assert capsys.readouterr().err == "load x: 50 %\n"


def test_help_names_formats_and_options(project: Path) -> None:
    done = run(project, "--help")
    assert done.returncode == 0
    for word in ("TABLE", "FILES", "--target", "--profiles-dir", "--json", "rejected_rows"):
        assert word in done.stdout
