"""A team's own Postgres, as docs/supabase.md sets it up: roles, triggers, grants, raw = public.

The administrator of these tests is what `postgres` is on Supabase: no superuser, but an owner of
the database who may create roles.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.errors
import pytest

from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS, create_table
from alerts.state.model import Record
from alerts.state.store import open_state
from tests.project.harness import ROOT, Project, environment
from tests.project.supabase import DOCS, Database

if TYPE_CHECKING:
    from pathlib import Path

READ_BY_MODELS = ("personalization_metrics", "user_interactions", "sessions", "experiments")
READ_BY_MODELS += ("experiment_assignments", "personalization_settings", "shop_events")
READ_BY_MODELS += ("decision_traces", "catalog_items", "rejected_rows")
BUILD = ("build", "--exclude-resource-type", "unit_test")

# As an app would have them: ids and constraints of its own, more columns than anybody asked for,
# types that are near enough, row level security, and no `loaded_at`.
APP_TABLES = """
create table public.personalization_metrics (
    id text primary key default gen_random_uuid()::text,
    user_id text not null,
    surface text not null,
    experiment_key text,
    variation text,
    click_through boolean not null default false,
    dwell_time_ms integer,
    recommendation_id text,
    destination_slug text,
    metadata jsonb not null default '{}',
    app_version text,
    created_at timestamptz not null default now()
);
alter table public.personalization_metrics enable row level security;
create policy own_rows on public.personalization_metrics using (user_id = current_user);
create table public.user_interactions (
    id text,
    user_id text,
    interaction_type text,
    recommendation_id text,
    destination_slug text,
    metadata jsonb,
    created_at timestamptz,
    loaded_at timestamptz
);
insert into public.user_interactions (id, user_id, interaction_type, destination_slug, created_at)
values ('save-1', 'u1', 'save', 'lisbon', '2025-03-10 12:00:00+00');
insert into public.personalization_metrics
    (id, user_id, surface, click_through, dwell_time_ms, destination_slug, created_at)
select 'i' || n, 'u' || n % 50, 'home', n % 100 = 1, 9000, 'lisbon',
    timestamptz '2025-03-10 08:00:00+00' + n * interval '1 second'
from generate_series(1, 600) as n;
insert into public.personalization_metrics (id, user_id, surface, created_at)
values ('next-day', 'u1', 'home', '2025-03-11 08:00:00+00'),
    ('nowhere', 'u1', 'lobby', '2025-03-11 08:00:00+00');
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the example of a profile, as it is shipped."""
    shutil.copy(ROOT / "profiles.yml.example", tmp_path / "profiles.yml")
    return tmp_path


def dbt(database: Database, directory: Path, *arguments: str, raw: str = "public") -> Any:
    """Run dbt as recwatch_build, over the raw tables where the app keeps them."""
    profile = (directory / "profiles.yml").read_text()
    project = Project("postgres", {}, directory, {"raw_schema": raw})
    (directory / "profiles.yml").write_text(profile)  # the example's again
    with environment(database.environment("recwatch_build")):
        return project.dbt(*arguments)


def check(database: Database, directory: Path) -> dict[str, Any]:
    """What `recwatch check --json` prints to recwatch_read."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from alerts.cli import main; main()"),
            *("check", "--json", "--project-dir", str(ROOT), "--profiles-dir", str(directory)),
            *("--state", f"sqlite:///{directory / 'state.db'}"),
        ],
        env={**os.environ, **database.environment("recwatch_read")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def states(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (one["rule"], one["labels"]["surface"], one["state"])
        for one in document["results"]
        if one["rule"] in {"ctr-floor", "dwell-floor"} and one["state"] in {"firing", "ok"}
    }


def test_a_team_on_its_own_postgres(database: Database, directory: Path) -> None:
    database.run(APP_TABLES)
    assert database.prepare() == []
    assert database.prepare() == []  # again: nothing to be done, and nothing breaks

    # All but a few impressions arrived long ago, beyond the overlap that every run reads again.
    database.run(
        """
        alter table public.personalization_metrics disable trigger recwatch_loaded_at;
        update public.personalization_metrics set loaded_at = now() - interval '2 days'
        where created_at < '2025-03-10 08:09:00+00';
        alter table public.personalization_metrics enable trigger recwatch_loaded_at;
        """
    )
    dbt(database, directory, *BUILD)
    engagement = "select day::text, impressions, clicks from analytics.engagement_daily order by 1"
    before = [("2025-03-10", 600, 6), ("2025-03-11", 1, 0)]
    assert database.run(engagement, "recwatch_read") == before
    assert database.run("select surface, reason from quarantine.personalization_metrics") == [
        ("lobby", "unknown_surface")
    ]
    expected = {("ctr-floor", "home", "firing"), ("dwell-floor", "home", "ok")}
    assert states(check(database, directory)) == expected

    # A click is an update of the impression's row, by a client who knows of no `loaded_at`.
    database.run(
        "update public.personalization_metrics set click_through = true"
        " where id in ('i2', 'i3', 'i4')"
    )
    dbt(database, directory, "run")
    after = [("2025-03-10", 600, 9), ("2025-03-11", 1, 0)]
    assert database.run(engagement, "recwatch_read") == after

    dbt(database, directory, *BUILD, "--full-refresh")
    assert database.run(engagement, "recwatch_read") == after
    assert states(check(database, directory)) == expected


def test_the_reading_role_reads_marts_only(database: Database, directory: Path) -> None:
    database.run(APP_TABLES)
    database.prepare()
    dbt(database, directory, "seed")
    dbt(
        database,
        directory,
        "run",
        "--select",
        "+engagement_daily",
        "quarantine_personalization_metrics",
    )
    for relation in ("analytics.engagement_daily", "reference.surfaces"):
        assert database.run(f"select count(*) > 0 from {relation}", "recwatch_read") == [(True,)]
    for relation in (
        "public.personalization_metrics",
        "staging.stg_personalization_metrics",
        "quarantine.personalization_metrics",
        "intermediate.int_impressions",
        "intermediate.build_log",
    ):
        database.run(f"select from {relation} limit 1", "recwatch_build")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            database.run(f"select from {relation} limit 1", "recwatch_read")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        database.run("create temporary table t (n int)", "recwatch_read")
    for statement in ("delete from", "update", "insert into"):
        rest = {"update": "set id = id", "insert into": "default values"}.get(statement, "")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            database.run(
                f"{statement} public.personalization_metrics {rest}",
                "recwatch_build",
            )


def test_the_state_has_a_role_that_sees_nothing_else(database: Database) -> None:
    database.run(APP_TABLES)
    database.prepare()
    url = database.url("recwatch_state")
    now = dt.datetime.now(dt.UTC)
    record = Record("f", "r", (), "warn")
    for _ in range(2):
        with open_state(url, now=now) as store:
            store.commit_run([record], [], [], now)
            assert list(store.records()) == ["f"]
    for relation in ("public.personalization_metrics", "public.experiments"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            database.run(f"select from {relation} limit 1", "recwatch_state")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.run("select from recwatch_state.records", "recwatch_read")


def test_loaded_at_is_renewed_by_every_update(database: Database) -> None:
    database.run(APP_TABLES)
    database.prepare()
    loaded = "select loaded_at from public.personalization_metrics where id = 'i1'"
    [(first,)] = database.run(loaded)
    database.run("update public.personalization_metrics set app_version = '2' where id = 'i1'")
    [(second,)] = database.run(loaded)
    assert second > first
    # Whatever a client writes there.
    database.run("update public.personalization_metrics set loaded_at = '2001-01-01'")
    [(third,)] = database.run(loaded)
    assert third > second
    # A column that was there, but empty and nullable, is filled and may not be empty again.
    assert database.run(
        "select count(*) from public.user_interactions where loaded_at is null"
    ) == [(0,)]
    with pytest.raises(psycopg2.errors.NotNullViolation):
        database.run("insert into public.user_interactions (id, loaded_at) values ('x', null)")
    database.run("insert into public.user_interactions (id) values ('y')")


def test_a_right_that_could_not_be_granted_is_listed(
    database: Database, postgres_settings: dict[str, Any]
) -> None:
    with closing(psycopg2.connect(**postgres_settings)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(f"alter database {postgres_settings['dbname']} owner to current_user")
        cursor.execute(
            f"grant create on database {postgres_settings['dbname']} to recwatch_test_admin"
        )
        cursor.execute("grant create on schema public to recwatch_test_admin")
    [(what, found, _)] = database.prepare()
    assert what == f"database {postgres_settings['dbname']}"
    assert found == "recwatch_build may not create schemas"


def test_missing_tables_are_made_as_the_loader_makes_them(database: Database) -> None:
    assert database.prepare() == []
    database.run("create schema expected")
    tables = {table.name: table for table in (*RAW_TABLES, REJECTED_ROWS)}
    for name in READ_BY_MODELS:
        for statement in create_table(tables[name], "expected", "postgres"):
            database.run(statement)
    columns = """
        select relname, attname, format_type(atttypid, atttypmod), attnotnull,
            pg_get_expr(adbin, adrelid)
        from pg_attribute
        inner join pg_class on pg_class.oid = attrelid and relkind = 'r'
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where relnamespace = '{}'::regnamespace and attnum > 0
        order by relname, attnum
    """
    assert database.run(columns.format("public")) == database.run(columns.format("expected"))
    indexes = """
        select tablename, regexp_replace(indexdef, ' ON (public|expected)\\.', ' ON ')
        from pg_indexes where schemaname = '{}' order by 1, 2
    """
    assert database.run(indexes.format("public")) == database.run(indexes.format("expected"))
    # In `public` Supabase shows a new table to everyone, unless row level security is on.
    assert database.run(
        "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind = 'r' and not relrowsecurity"
    ) == [(0,)]


def test_the_models_read_the_tables_that_the_statements_prepare() -> None:
    read = {
        name
        for file in (ROOT / "models" / "staging").glob("*.sql")
        for name in re.findall(r"source\('raw', '(\w+)'\)", file.read_text())
    }
    assert read == set(READ_BY_MODELS)


def test_an_index_of_the_app_is_not_doubled(database: Database) -> None:
    database.run(APP_TABLES)
    database.prepare()
    indexes = "select indexname from pg_indexes where schemaname = 'public' and tablename = '{}'"
    found = {name for (name,) in database.run(indexes.format("personalization_metrics"))}
    assert found == {"personalization_metrics_pkey", "personalization_metrics_loaded_at_idx"}
    found = {name for (name,) in database.run(indexes.format("user_interactions"))}
    assert found == {"user_interactions_key_idx", "user_interactions_loaded_at_idx"}


def test_descriptions_stand_in_the_database(database: Database, directory: Path) -> None:
    database.prepare()
    dbt(database, directory, "seed")
    dbt(database, directory, "run", "--select", "+engagement_daily")
    described = database.run(
        """
        select attname, col_description(attrelid, attnum)
        from pg_attribute
        where attrelid = 'analytics.engagement_daily'::regclass and attnum > 0
        """,
        "recwatch_read",
    )
    assert ("clicks", "Impressions that were clicked.") in described
    assert all(description for _, description in described)
    assert database.run("select obj_description('reference.surfaces'::regclass)", "recwatch_read")


def test_freshness_of_what_arrives(database: Database, directory: Path) -> None:
    database.run(APP_TABLES)
    database.prepare()
    freshness = ("source", "freshness", "--select", "source:raw.personalization_metrics")
    dbt(database, directory, *freshness)
    database.run(
        """
        alter table public.personalization_metrics disable trigger recwatch_loaded_at;
        update public.personalization_metrics set loaded_at = now() - interval '3 days';
        """
    )
    with pytest.raises(AssertionError, match="freshness"):
        dbt(database, directory, *freshness)


def test_columns_that_do_not_fit_are_listed_and_views_mend_them(
    database: Database, directory: Path
) -> None:
    database.run(
        """
        create schema analytics;
        create table public.sessions (sid uuid, expires timestamp);
        create table public.personalization_metrics (
            id uuid primary key default gen_random_uuid(),
            user_id uuid not null,
            surface varchar(20) not null,
            experiment_key text,
            variation text,
            click_through boolean,
            dwell_time_ms double precision,
            recommendation_id uuid,
            destination_slug text,
            metadata json,
            created_at timestamp not null
        );
        insert into public.personalization_metrics (user_id, surface, dwell_time_ms, created_at)
        values (gen_random_uuid(), 'home', 1500.25, '2025-03-10 23:30:00');
        """
    )
    amiss = {what: (found, wanted) for what, found, wanted in database.prepare()}
    metrics = "public.personalization_metrics"
    assert amiss[f"{metrics}.id"] == ("uuid", "text")
    assert amiss[f"{metrics}.metadata"] == ("json", "jsonb")
    assert amiss[f"{metrics}.dwell_time_ms"] == ("double precision", "numeric(18, 3)")
    assert amiss[f"{metrics}.created_at"] == ("timestamp without time zone", "timestamptz")
    assert amiss["public.sessions.session_id"] == ("missing", "text")
    assert amiss["schema analytics"] == ("owned by recwatch_test_admin", "owned by recwatch_build")
    assert amiss[f"{metrics}.surface"] == ("character varying(20)", "text")
    assert f"{metrics}.destination_slug" not in amiss
    assert f"{metrics}.loaded_at" not in amiss

    database.run("alter schema analytics owner to recwatch_build")
    [views] = [
        block
        for block in re.findall(r"```sql\n(.*?)```", (DOCS / "supabase.md").read_text(), re.DOTALL)
        if "create view recwatch_raw.personalization_metrics" in block
    ]
    database.run(views)
    dbt(database, directory, *BUILD, raw="recwatch_raw")
    assert database.run(
        "select day::text, surface, impressions, avg_dwell_ms from analytics.engagement_daily",
        "recwatch_read",
    ) == [("2025-03-10", "home", 1, 1500.25)]
    database.run("update public.personalization_metrics set click_through = true")
    dbt(database, directory, "run", raw="recwatch_raw")
    assert database.run("select clicks from analytics.engagement_daily", "recwatch_read") == [(1,)]
