"""The raw tables as data: columns in the order the contract gives them, keys, DDL per engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alerts.errors import ConfigurationError

Kind = Literal["text", "timestamp", "boolean", "numeric", "integer", "document", "list"]
Engine = Literal["duckdb", "postgres", "spark"]

# A btree row on Postgres holds 2,704 bytes; the longest key is four texts, so each key text is
# held to this on every engine, else an id that DuckDB takes would break the index on Postgres.
MAX_KEY_BYTES = 512


@dataclass(frozen=True)
class Column:
    """One column: what it holds in words common to all engines, and what it means.

    `document` is a JSON object, `list` a JSON array; both are stored as JSON.
    """

    name: str
    kind: Kind
    description: str
    precision: int = 18
    scale: int = 0


@dataclass(frozen=True)
class RawTable:
    """A raw table without its `loaded_at`, which every table has as its last column."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order, without `loaded_at`."""
        return tuple(column.name for column in self.columns)


def _text(name: str, description: str) -> Column:
    return Column(name, "text", description)


def _time(name: str, description: str) -> Column:
    return Column(name, "timestamp", description)


def _flag(name: str, description: str) -> Column:
    return Column(name, "boolean", description)


def _numeric(name: str, scale: int, description: str) -> Column:
    return Column(name, "numeric", description, 18, scale)


_USER = _text("user_id", "The user, pseudonymous")
_SURFACE = _text("surface", "Where on the product: a row of seeds/surfaces.csv")
_NAMESPACE = _text("namespace", "Tenant or shop; null is 'default'")
_RECOMMENDATION = _text("recommendation_id", "The recommendation shown, where there was one")
_DESTINATION = _text("destination_slug", "What was recommended")

RAW_TABLES: tuple[RawTable, ...] = (
    RawTable(
        "personalization_metrics",
        "One impression of a recommendation, with its click and dwell.",
        ("id",),
        (
            _text("id", "Identifies the impression"),
            _USER,
            _SURFACE,
            _text("experiment_key", "The experiment the impression belongs to, if any"),
            _text("variation", "The arm of that experiment"),
            _flag("click_through", "Whether it was clicked; null is no click"),
            _numeric("dwell_time_ms", 3, "Milliseconds spent on it"),
            _RECOMMENDATION,
            _DESTINATION,
            Column(
                "metadata",
                "document",
                "session_id, country, city, device, category, personalization_score",
            ),
            _time("created_at", "When it was shown"),
        ),
    ),
    RawTable(
        "user_interactions",
        "One interaction of a user with an item.",
        ("id",),
        (
            _text("id", "Identifies the interaction"),
            _USER,
            _text("interaction_type", "save, share, view, …"),
            _RECOMMENDATION,
            _DESTINATION,
            Column("metadata", "document", "Whatever the client adds"),
            _time("created_at", "When it happened"),
        ),
    ),
    RawTable(
        "sessions",
        "One visit.",
        ("session_id",),
        (
            _text("session_id", "Identifies the visit"),
            _USER,
            _time("started_at", "When it began"),
            _time("ended_at", "When it ended; null while it lasts"),
            _text("device", "Kind of device"),
            _text("country", "Country of the visit"),
            _flag("is_bounce", "Left without doing anything"),
            _flag("is_crash_free", "Ended without a crash"),
        ),
    ),
    RawTable(
        "experiments",
        "One version of an experiment.",
        ("experiment_key", "updated_at"),
        (
            _text("experiment_key", "Identifies the experiment"),
            _text("name", "For people"),
            _text("status", "draft, running, paused, completed"),
            Column("variations", "list", "The arms: [{key, weight, is_control}]"),
            _time("started_at", "Start, may lie in the future"),
            _time("ended_at", "End, may lie in the future"),
            Column("config", "document", "primary_metric, min_duration_days, guardrails, …"),
            _text("owner", "Who answers for it"),
            _time("updated_at", "When this version was written"),
        ),
    ),
    RawTable(
        "experiment_assignments",
        "One logged assignment of a user to an arm.",
        ("experiment_key", "user_id", "variation", "assigned_at"),
        (
            _text("experiment_key", "The experiment"),
            _USER,
            _text("variation", "The arm"),
            _time("assigned_at", "When it was logged"),
        ),
    ),
    RawTable(
        "decision_traces",
        "One recommendation response.",
        ("trace_id",),
        (
            _text("trace_id", "Identifies the response"),
            _NAMESPACE,
            _SURFACE,
            _USER,
            _time("created_at", "When it was served"),
            Column("payload", "document", "Items, candidate sources, latency, extras"),
        ),
    ),
    RawTable(
        "shop_events",
        "One telemetry event.",
        ("event_id",),
        (
            _text("event_id", "Identifies the event"),
            _text("event_name", "impression, click, add_to_cart, purchase"),
            _NAMESPACE,
            _SURFACE,
            _USER,
            _text("session_id", "The visit it happened in"),
            _text("item_id", "The item"),
            _text("trace_id", "The response that showed the item"),
            _text("variant", "The arm as the client logged it"),
            _numeric("quantity", 4, "Units bought"),
            _numeric("revenue", 4, "In `currency`"),
            _text("currency", "ISO 4217"),
            _time("created_at", "When it happened"),
        ),
    ),
    RawTable(
        "catalog_items",
        "One item of the catalogue.",
        ("item_id",),
        (
            _text("item_id", "Identifies the item"),
            _text("brand", "Brand"),
            _text("category", "Category"),
            _numeric("price", 4, "List price"),
            _flag("is_available", "Can be bought now"),
            _time("updated_at", "When this version was written"),
        ),
    ),
    RawTable(
        "personalization_settings",
        "What one user allows.",
        ("user_id",),
        (
            _USER,
            _flag("personalization_enabled", "Recommendations may be personal"),
            _flag("data_sharing_consent", "Data may be shared"),
            _time("updated_at", "When the user last changed it"),
        ),
    ),
)

REJECTED_ROWS = RawTable(
    "rejected_rows",
    "One row of a file that could not be typed; the file's good rows were loaded with it.",
    (),
    (
        _text("source_table", "The raw table it was meant for"),
        _text("file", "The file as it was named to the loader"),
        Column("line", "integer", "Line in the file (row in Parquet), from 1"),
        _text("reason", "Why it was rejected"),
        _text("content", "The row as it stood in the file"),
    ),
)

# Spark commits no two tables together. There a load's rows, good and rejected, lie in tables of
# their own, a partition for each load, and count from the moment this table names the load.
LOADS = "loads"
LOADS_COLUMNS = {"load_id": "string", "loaded_at": "timestamp_ltz"}

_TYPES: dict[Engine, dict[Kind, str]] = {
    "duckdb": {
        "text": "varchar",
        "timestamp": "timestamptz",
        "boolean": "boolean",
        "integer": "bigint",
        "document": "json",
        "list": "json",
    },
    "postgres": {
        "text": "text",
        "timestamp": "timestamptz",
        "boolean": "boolean",
        "integer": "bigint",
        "document": "jsonb",
        "list": "jsonb",
    },
    "spark": {
        "text": "string",
        # Not `timestamp`, which a setting of the session may make one without a zone.
        "timestamp": "timestamp_ltz",
        "boolean": "boolean",
        "integer": "bigint",
        "document": "string",
        "list": "string",
    },
}


def find_table(name: str) -> RawTable:
    """The raw table of that name; an unknown name is answered with the known ones."""
    for table in RAW_TABLES:
        if table.name == name:
            return table
    known = ", ".join(table.name for table in RAW_TABLES)
    raise ConfigurationError(f"unknown table {name!r}: one of {known}")


def quote(identifier: str, engine: Engine = "duckdb") -> str:
    """An identifier as the engine quotes it; DuckDB and Postgres do so alike."""
    mark = "`" if engine == "spark" else '"'
    return mark + identifier.replace(mark, mark * 2) + mark


def column_type(column: Column, engine: Engine) -> str:
    """The column's type as the engine spells it."""
    if column.kind == "numeric":
        name = "decimal" if engine == "spark" else "numeric"
        return f"{name}({column.precision}, {column.scale})"
    return _TYPES[engine][column.kind]


def loaded_table(table: str) -> str:
    """Where Spark keeps the rows of a raw table, which is a view there."""
    return f"loaded_{table}"


def create_table(table: RawTable, raw_schema: str, engine: Engine) -> list[str]:
    """The statements that create one table where it is missing, its indexes included."""
    if engine == "spark":
        return _create_view_of_loads(table, raw_schema)
    relation = f"{quote(raw_schema)}.{quote(table.name)}"
    lines = [f"{quote(column.name)} {column_type(column, engine)}" for column in table.columns]
    lines.append("loaded_at timestamptz not null default now()")
    statements = [f"create table if not exists {relation} ({', '.join(lines)})"]
    if engine == "postgres":
        for suffix, columns in (("loaded_at", ("loaded_at",)), ("key", table.key)):
            if columns:
                index = quote(f"{table.name}_{suffix}_idx")
                listed = ", ".join(quote(column) for column in columns)
                statements.append(f"create index if not exists {index} on {relation} ({listed})")
    return statements


def create_schema(raw_schema: str, engine: Engine) -> list[str]:
    """The statements that create what all raw tables need, where it is missing."""
    schema = quote(raw_schema, engine)
    statements = [f"create schema if not exists {schema}"]
    if engine == "spark":
        columns = ", ".join(f"{name} {kind}" for name, kind in LOADS_COLUMNS.items())
        statements.append(f"create table if not exists {schema}.{LOADS} ({columns}) using parquet")
    return statements


def ddl(raw_schema: str, engine: Engine) -> list[str]:
    """The statements that create the schema and every raw table where they are missing."""
    statements = create_schema(raw_schema, engine)
    for table in (*RAW_TABLES, REJECTED_ROWS):
        statements.extend(create_table(table, raw_schema, engine))
    return statements


def _create_view_of_loads(table: RawTable, raw_schema: str) -> list[str]:
    """The table that files are written to, and the view that shows those loads which are whole."""
    schema = quote(raw_schema, "spark")
    name = quote(table.name, "spark")
    loaded = quote(loaded_table(table.name), "spark")
    columns = [quote(column.name, "spark") for column in table.columns]
    typed = [
        f"{name} {column_type(column, 'spark')}"
        for name, column in zip(columns, table.columns, strict=True)
    ]
    shown = ", ".join(f"rows.{column}" for column in columns)
    return [
        f"create table if not exists {schema}.{loaded} ({', '.join(typed)}, load_id string)"
        " using parquet partitioned by (load_id)",
        f"create view if not exists {schema}.{name} as select {shown}, loads.loaded_at"  # noqa: S608
        f" from {schema}.{loaded} as rows"
        f" inner join {schema}.{LOADS} as loads on rows.load_id = loads.load_id",
    ]
