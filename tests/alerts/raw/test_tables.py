import pytest

from alerts.errors import ConfigurationError
from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS, find_table
from alerts.warehouse import Relation, Target, Warehouse, open_warehouse
from tests import spark
from tests.alerts.raw.support import query

# As the contract writes them; JSON columns by their type in the engine.
EXPECTED = {
    "personalization_metrics": "id user_id surface experiment_key variation click_through "
    "dwell_time_ms recommendation_id destination_slug metadata created_at loaded_at",
    "user_interactions": "id user_id interaction_type recommendation_id destination_slug metadata "
    "created_at loaded_at",
    "sessions": "session_id user_id started_at ended_at device country is_bounce is_crash_free "
    "loaded_at",
    "experiments": "experiment_key name status variations started_at ended_at config owner "
    "updated_at loaded_at",
    "experiment_assignments": "experiment_key user_id variation assigned_at loaded_at",
    "decision_traces": "trace_id namespace surface user_id created_at payload loaded_at",
    "shop_events": "event_id event_name namespace surface user_id session_id item_id trace_id "
    "variant quantity revenue currency created_at loaded_at",
    "catalog_items": "item_id brand category price is_available updated_at loaded_at",
    "personalization_settings": "user_id personalization_enabled data_sharing_consent updated_at "
    "loaded_at",
    "rejected_rows": "source_table file line reason content loaded_at",
}

TYPES = {
    "duckdb": {
        "dwell_time_ms": "decimal(18,3)",
        "metadata": "json",
        "loaded_at": "timestamp with time zone",
    },
    "postgres": {
        "dwell_time_ms": "numeric(18,3)",
        "metadata": "jsonb",
        "loaded_at": "timestamp with time zone",
    },
    "spark": {
        "dwell_time_ms": "decimal(18,3)",
        "metadata": "string",
        "loaded_at": "timestamp",
    },
}


@spark.TOO
def test_the_tables_are_those_of_the_contract(target: Target, warehouse: Warehouse) -> None:
    warehouse.create_raw_tables("raw")
    for name, columns in EXPECTED.items():
        found = warehouse.columns(Relation("raw", name))
        assert list(found) == columns.split(), name
        assert found["loaded_at"].lower() == TYPES[target.type]["loaded_at"]
    metrics = warehouse.columns(Relation("raw", "personalization_metrics"))
    for name, kind in TYPES[target.type].items():
        assert metrics[name].lower() == kind
    assert {table.name for table in (*RAW_TABLES, REJECTED_ROWS)} == set(EXPECTED)


def test_tables_that_exist_are_left_alone(target: Target, warehouse: Warehouse) -> None:
    warehouse.create_raw_tables("raw")
    warehouse.close()
    query_none(target, "drop table raw.sessions")
    query_none(target, "insert into raw.catalog_items (item_id) values ('kept')")
    again = open_warehouse(target, read_only=False)
    again.create_raw_tables("raw")
    again.create_raw_tables("raw")
    assert again.select(Relation("raw", "catalog_items"), ["item_id"]) == [("kept",)]
    assert again.columns(Relation("raw", "sessions"))
    again.close()


def query_none(target: Target, statement: str) -> None:
    """A statement that returns nothing, committed."""
    returning = f"{statement} returning item_id" if "insert" in statement else None
    if target.type == "duckdb":
        query(target, returning or statement)
    else:
        query(target, f"{statement}; commit; select 1")


def test_postgres_has_indexes_for_watermarks_and_ids(postgres_target: Target) -> None:
    warehouse = open_warehouse(postgres_target, read_only=False)
    warehouse.create_raw_tables("raw")
    warehouse.close()
    indexed = {
        (table, definition.rsplit("(", 1)[1].rstrip(")"))
        for table, definition in query(
            postgres_target, "select tablename, indexdef from pg_indexes where schemaname = 'raw'"
        )
    }
    for table in RAW_TABLES:
        assert (table.name, "loaded_at") in indexed
        assert (table.name, ", ".join(table.key)) in indexed


def test_a_role_that_may_only_load_needs_no_right_to_create(postgres_target: Target) -> None:
    warehouse = open_warehouse(postgres_target, read_only=False)
    warehouse.create_raw_tables("raw")
    warehouse.close()
    role = postgres_target.settings["dbname"] + "_loader"
    query(
        postgres_target,
        f"create role {role}; grant usage on schema raw to {role};"
        f"grant select, insert on all tables in schema raw to {role}; commit; select 1",
    )
    settings = {**postgres_target.settings, "role": role}
    loader = open_warehouse(Target("loader", "postgres", settings), read_only=False)
    loader.create_raw_tables("raw")
    with loader.loading("raw", "sessions"):
        pass
    loader.close()
    query(postgres_target, f"drop owned by {role}; drop role {role}; commit; select 1")


def test_an_unknown_table_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="'nope': one of personalization_metrics, user_"):
        find_table("nope")
    with pytest.raises(ConfigurationError):
        find_table("rejected_rows")
