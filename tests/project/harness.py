"""One dbt project over one database, as the tests of the whole drive it."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import math
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import coverage
import duckdb
import pytest
import yaml

from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS, column_type, quote

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from jinja2 import Environment

    from alerts.raw.tables import Engine

ROOT = Path(__file__).parents[2]
HOME = ROOT
TABLES = {table.name: table for table in (*RAW_TABLES, REJECTED_ROWS)}
PARTIAL_PARSE = "partial_parse.msgpack"
# Of these a run that ends early has done some.
SOME_MARTS = [
    *("engagement_hourly", "session_coverage_daily", "funnel_daily"),
    *("dwell_histogram_daily", "payload_quality_daily", "data_quality_daily"),
    *("int_served_items_daily", "topk_overlap_daily", "candidate_sources_daily"),
    "personalization_intraday",
]
# The project as dbt has parsed it, by all that parsing depends on: it takes longer than a build.
PARSED: dict[tuple[str, ...], bytes] = {}
# A directory of all processes that test together, for what one of them has parsed.
SHARED: Path | None = None


@dataclass
class Project:
    """The project at ROOT built into one database of one engine."""

    engine: Engine
    output: dict[str, Any]
    directory: Path
    dbt_vars: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        profile = {"recwatch": {"target": self.engine, "outputs": {self.engine: self.output}}}
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "profiles.yml").write_text(yaml.safe_dump(profile))

    @property
    def places(self) -> dict[str, str]:
        """Environment variables by which dbt reads and writes in this project's own directory."""
        return {
            "DBT_TARGET_PATH": str(self.directory / "target"),
            "DBT_LOG_PATH": str(self.directory / "logs"),
            "DBT_PROFILES_DIR": str(self.directory),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }

    def dbt(self, *arguments: str, ok: bool = True) -> Any:
        """Run dbt in this process; the result, or a failed test with dbt's own words."""
        from dbt.cli.main import dbtRunner

        with warnings.catch_warnings(), environment(self.places), untraced(), hurried():
            warnings.simplefilter("ignore")  # dbt's and its libraries' own
            result = dbtRunner(manifest=self.parsed()).invoke(
                [
                    *arguments,
                    *("--project-dir", str(ROOT)),
                    *("--vars", yaml.safe_dump(self.dbt_vars)),
                    *("--quiet", "--log-level", "none", "--log-level-file", "none"),
                    "--no-write-json",  # the manifest, which nobody reads here
                ]
            )
        if ok and not result.success:
            raise AssertionError(f"dbt {' '.join(arguments)}: {failures(result)}")
        self.keep_parsed()
        return result

    def next_run(self, *models: str) -> Any:
        """A run as the next night's, of all or of these; the views are what they were."""
        return self.dbt("run", "--select", *tables(*models))

    def ended_run(self, draw: random.Random) -> Any:
        """A run that ended after some of its models.

        `ctr_weekly` and `personalization_daily` without what they read must not take their days
        for done.
        """
        some = ("ctr_weekly", "personalization_daily", *draw.sample(SOME_MARTS, 4))
        return self.dbt("run", "--select", "intermediate.ledgers", *some)

    def full_refresh(self, *models: str) -> Any:
        """All of them or these anew. On Postgres a table takes the views on it with it."""
        chosen = (models or ["*"]) if self.engine == "postgres" else tables(*models)
        return self.dbt("run", "--full-refresh", "--select", *chosen)

    @property
    def parsed_by(self) -> tuple[str, ...]:
        """What dbt reads while it parses. Of the vars it is the one in `raw.yml`: the others are
        read when a model is compiled, which each run does anew."""
        database = self.output.get("dbname", Path(self.output.get("path", "")).stem)
        schema = self.output.get("schema", "that of the example of a profile")
        return (self.engine, database, schema, self.dbt_vars.get("raw_schema", "raw"))

    @property
    def shared(self) -> Path | None:
        """Where processes that test together leave what they have parsed."""
        key = hashlib.sha256(repr(self.parsed_by).encode()).hexdigest()[:16]
        return SHARED / f"parsed-{key}.msgpack" if SHARED else None

    def parsed(self) -> Any:
        """The project as an earlier test has parsed it, or nothing."""
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        if ROOT != HOME:
            return None
        if self.parsed_by not in PARSED and self.shared and self.shared.exists():
            PARSED[self.parsed_by] = self.shared.read_bytes()
        if self.parsed_by not in PARSED:
            return None
        manifest = Manifest.from_msgpack(  # type: ignore[attr-defined]
            PARSED[self.parsed_by], decoder=extended_mashumuro_decoder
        )
        manifest.build_flat_graph()
        return manifest

    def keep_parsed(self) -> None:
        """Of the first run, what it has parsed."""
        file = self.directory / "target" / PARTIAL_PARSE
        if ROOT == HOME and file.exists():
            PARSED.setdefault(self.parsed_by, file.read_bytes())
            if self.shared is None:
                file.unlink()
            else:
                file.replace(self.shared)

    def hand_over_parsed(self) -> None:
        """Leave what dbt has parsed where a process of its own looks for it."""
        if self.parsed_by in PARSED:
            (self.directory / "target" / PARTIAL_PARSE).write_bytes(PARSED[self.parsed_by])

    def release(self) -> None:
        """Let others open the database: dbt in this process keeps a DuckDB file open."""
        if self.engine == "duckdb":
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager

            DuckDBConnectionManager.close_all_connections()

    def recwatch(self, *arguments: str) -> str:
        """What the program prints, run in this process on this project."""
        from click.testing import CliRunner

        from alerts.cli import cli

        self.release()
        result = CliRunner().invoke(
            cli, [*arguments, "--project-dir", str(ROOT), "--profiles-dir", str(self.directory)]
        )
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor on the raw tables whose statements are committed one by one."""
        if self.engine == "duckdb":
            connection: Any = duckdb.connect(self.output["path"])
            connection.execute("set TimeZone = 'UTC'")
        else:
            import psycopg2

            names = ("host", "port", "user", "password", "dbname")
            connection = psycopg2.connect(
                **{name: self.output[name] for name in names if name in self.output},
                options="-c TimeZone=UTC",
            )
            connection.autocommit = True
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def execute(self, *statements: str) -> None:
        """Run statements one after the other."""
        with self.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a query: decimals as floats, moments as texts in UTC."""
        return self.raw_rows(sql)

    def raw_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a query over raw tables, in the words of DuckDB and Postgres."""
        with self.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(map(plain, row)) for row in cursor.fetchall()]

    def create_raw_tables(self) -> None:
        """Every raw table, empty, as the loader makes them."""
        self.execute("create schema if not exists raw")
        engine = "postgres" if self.engine == "postgres" else "duckdb"
        for table in TABLES.values():
            columns = [
                f"{quote(column.name)} {column_type(column, engine)}" for column in table.columns
            ]
            self.execute(
                f"create table raw.{table.name} ({', '.join(columns)},"
                " loaded_at timestamptz not null default now())"
            )

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Raw rows with the values as they are given, `loaded_at` too."""
        names = ", ".join(columns)
        with self.cursor() as cursor:
            if self.engine == "postgres":
                from psycopg2.extras import execute_batch

                marks = ", ".join(["%s"] * len(columns))
                execute_batch(cursor, f"insert into raw.{table} ({names}) values ({marks})", rows)
                return
            # Row by row DuckDB takes twenty times as long. The casts are those of an insert, and
            # keep what stands in one row from deciding the type of the others.
            types = {column.name: column_type(column, "duckdb") for column in TABLES[table].columns}
            marks = ", ".join(f"cast(? as {types.get(name, 'timestamptz')})" for name in columns)
            for start in range(0, len(rows), 50):
                some = rows[start : start + 50]
                values = ", ".join([f"({marks})"] * len(some))
                cursor.execute(
                    f"insert into raw.{table} ({names}) values {values}",
                    list(itertools.chain.from_iterable(some)),
                )

    def marts(self, without: str = "") -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every mart, sorted, the columns by name: found, not listed."""
        relations = self.relations("analytics", "experiments")
        return {relation: self.mart(relation, without) for relation in relations}

    def mart(self, relation: str, without: str = "") -> list[tuple[Any, ...]]:
        """Every row of one relation, sorted, the columns by name."""
        columns = [column for column in self.columns(relation) if column != without]
        chosen = ", ".join(self.quote(column) for column in columns)
        return sorted(self.rows(f"select {chosen} from {relation}"), key=place)

    def relations(self, *schemas: str) -> list[str]:
        """Every table and view of these schemas, as `schema.name`."""
        wanted = ", ".join(f"'{schema}'" for schema in schemas)
        found = self.rows(
            "select table_schema, table_name from information_schema.tables"
            f" where table_schema in ({wanted}) order by 1, 2"
        )
        return [f"{schema}.{name}" for schema, name in found]

    def columns(self, relation: str) -> list[str]:
        """The names of its columns, sorted."""
        schema, name = relation.split(".")
        found = self.rows(
            "select column_name from information_schema.columns"
            f" where table_schema = '{schema}' and table_name = '{name}' order by 1"
        )
        return [column for (column,) in found]

    def quote(self, identifier: str) -> str:
        """An identifier as the engine quotes it."""
        return quote(identifier, self.engine)


def tables(*models: str) -> list[str]:
    """What selects all models that are kept as tables, or those among these."""
    built = "config.materialized:incremental"
    return [f"{built},{one}" for one in models] or [built]


Rows = list[tuple[Any, ...]]


def assert_same_marts(found: dict[str, Rows], expected: dict[str, Rows]) -> None:
    """The same marts with the same rows, none of them empty; floats to 1e-9 relative."""
    assert found.keys() == expected.keys()
    for mart, rows in found.items():
        assert len(rows) == len(expected[mart]) > 0, mart
        different = [pair for pair in zip(expected[mart], rows, strict=True) if not same(*pair)]
        assert not different, (mart, different[:3])


def place(row: tuple[Any, ...]) -> tuple[str, str]:
    """Where a row stands: floats come last, for they may differ in their last bits."""
    floats = [value for value in row if isinstance(value, float)]
    return repr([value for value in row if not isinstance(value, float)]), repr(floats)


def same(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Rows equal: floats to 1e-9 relative, everything else exactly."""
    return len(left) == len(right) and all(
        math.isclose(a, b, rel_tol=1e-9)
        if isinstance(a, float) and isinstance(b, float)
        else (a == b and type(a) is type(b))
        for a, b in zip(left, right, strict=True)
    )


def plain(value: Any) -> Any:
    """A value as both engines can give it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value


def failures(result: Any) -> str:
    """What a failed dbt run said."""
    if result.exception is not None:
        return str(result.exception)
    if result.result is None:
        return "no result"
    return "; ".join(
        f"{node.node.name}: {node.message}"
        for node in result.result
        if str(node.status) in {"error", "fail"}
    )


@contextmanager
def untraced() -> Iterator[None]:
    """Stop counting what the tests reach: dbt takes nearly twice its time under a tracer."""
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


@contextmanager
def hurried() -> Iterator[None]:
    """Without what takes a fifth of a run and nobody sees here: the message that dbt makes of each
    event, the words for times of day that it collects anew for each result, and, in all but the
    first run, the compilation of its templates."""
    import jinja2
    import parsedatetime  # type: ignore[import-untyped]

    with pytest.MonkeyPatch.context() as patch:
        events = "dbt_common.events"
        patch.setattr(f"{events}.base_types.ParseDict", lambda _, message, **__: message)
        patch.setattr(f"{events}.event_manager.EventManager.fire_event", lambda *_, **__: None)
        patch.setattr("parsedatetime.Constants", cache(parsedatetime.Constants))
        patch.setattr(jinja2.Environment, "compile", once_a_text(jinja2.Environment.compile))
        yield


@cache
def once_a_text(compile_text: Callable[..., Any]) -> Callable[..., Any]:
    """The same for all runs: what compiles a template, which remembers the code of each text."""
    known: dict[tuple[Any, ...], Any] = {}

    def code(self: Environment, *arguments: Any) -> Any:
        key = (type(self), *arguments)
        if key not in known:
            known[key] = compile_text(self, *arguments)
        return known[key]

    return code


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These environment variables, and the old ones after."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
