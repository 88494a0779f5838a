-- Prepares a Supabase project, or any Postgres 15 or newer, whose raw tables are in `public`.
--
-- Run it as the owner of the raw tables (on Supabase `postgres`, for example in the SQL editor).
-- It can be run again at any time, and should be after an update of recwatch. The last statement
-- lists what does not fit yet: no row is what you want. docs/supabase.md explains each part.

-- 1. The raw tables that the models read.

drop table if exists pg_temp.recwatch_columns;

create temporary table recwatch_columns (
    position integer generated always as identity,
    table_name text,
    column_name text,
    type_name text,
    is_key boolean
);

insert into recwatch_columns (table_name, column_name, type_name, is_key) values
    ('personalization_metrics', 'id', 'text', true),
    ('personalization_metrics', 'user_id', 'text', false),
    ('personalization_metrics', 'surface', 'text', false),
    ('personalization_metrics', 'experiment_key', 'text', false),
    ('personalization_metrics', 'variation', 'text', false),
    ('personalization_metrics', 'click_through', 'boolean', false),
    ('personalization_metrics', 'dwell_time_ms', 'numeric(18, 3)', false),
    ('personalization_metrics', 'recommendation_id', 'text', false),
    ('personalization_metrics', 'destination_slug', 'text', false),
    ('personalization_metrics', 'metadata', 'jsonb', false),
    ('personalization_metrics', 'created_at', 'timestamptz', false),
    ('personalization_metrics', 'loaded_at', 'timestamptz', false),
    ('user_interactions', 'id', 'text', true),
    ('user_interactions', 'user_id', 'text', false),
    ('user_interactions', 'interaction_type', 'text', false),
    ('user_interactions', 'recommendation_id', 'text', false),
    ('user_interactions', 'destination_slug', 'text', false),
    ('user_interactions', 'metadata', 'jsonb', false),
    ('user_interactions', 'created_at', 'timestamptz', false),
    ('user_interactions', 'loaded_at', 'timestamptz', false),
    ('sessions', 'session_id', 'text', true),
    ('sessions', 'user_id', 'text', false),
    ('sessions', 'started_at', 'timestamptz', false),
    ('sessions', 'ended_at', 'timestamptz', false),
    ('sessions', 'device', 'text', false),
    ('sessions', 'country', 'text', false),
    ('sessions', 'is_bounce', 'boolean', false),
    ('sessions', 'is_crash_free', 'boolean', false),
    ('sessions', 'loaded_at', 'timestamptz', false),
    ('experiments', 'experiment_key', 'text', true),
    ('experiments', 'name', 'text', false),
    ('experiments', 'status', 'text', false),
    ('experiments', 'variations', 'jsonb', false),
    ('experiments', 'started_at', 'timestamptz', false),
    ('experiments', 'ended_at', 'timestamptz', false),
    ('experiments', 'config', 'jsonb', false),
    ('experiments', 'owner', 'text', false),
    ('experiments', 'updated_at', 'timestamptz', true),
    ('experiments', 'loaded_at', 'timestamptz', false),
    ('experiment_assignments', 'experiment_key', 'text', true),
    ('experiment_assignments', 'user_id', 'text', true),
    ('experiment_assignments', 'variation', 'text', true),
    ('experiment_assignments', 'assigned_at', 'timestamptz', true),
    ('experiment_assignments', 'loaded_at', 'timestamptz', false),
    ('personalization_settings', 'user_id', 'text', true),
    ('personalization_settings', 'personalization_enabled', 'boolean', false),
    ('personalization_settings', 'data_sharing_consent', 'boolean', false),
    ('personalization_settings', 'updated_at', 'timestamptz', false),
    ('personalization_settings', 'loaded_at', 'timestamptz', false),
    ('shop_events', 'event_id', 'text', true),
    ('shop_events', 'event_name', 'text', false),
    ('shop_events', 'namespace', 'text', false),
    ('shop_events', 'surface', 'text', false),
    ('shop_events', 'user_id', 'text', false),
    ('shop_events', 'session_id', 'text', false),
    ('shop_events', 'item_id', 'text', false),
    ('shop_events', 'trace_id', 'text', false),
    ('shop_events', 'variant', 'text', false),
    ('shop_events', 'quantity', 'numeric(18, 4)', false),
    ('shop_events', 'revenue', 'numeric(18, 4)', false),
    ('shop_events', 'currency', 'text', false),
    ('shop_events', 'created_at', 'timestamptz', false),
    ('shop_events', 'loaded_at', 'timestamptz', false),
    ('decision_traces', 'trace_id', 'text', true),
    ('decision_traces', 'namespace', 'text', false),
    ('decision_traces', 'surface', 'text', false),
    ('decision_traces', 'user_id', 'text', false),
    ('decision_traces', 'created_at', 'timestamptz', false),
    ('decision_traces', 'payload', 'jsonb', false),
    ('decision_traces', 'loaded_at', 'timestamptz', false),
    ('catalog_items', 'item_id', 'text', true),
    ('catalog_items', 'brand', 'text', false),
    ('catalog_items', 'category', 'text', false),
    ('catalog_items', 'price', 'numeric(18, 4)', false),
    ('catalog_items', 'is_available', 'boolean', false),
    ('catalog_items', 'updated_at', 'timestamptz', false),
    ('catalog_items', 'loaded_at', 'timestamptz', false),
    ('rejected_rows', 'source_table', 'text', false),
    ('rejected_rows', 'file', 'text', false),
    ('rejected_rows', 'line', 'bigint', false),
    ('rejected_rows', 'reason', 'text', false),
    ('rejected_rows', 'content', 'text', false),
    ('rejected_rows', 'loaded_at', 'timestamptz', false);

-- Those that are missing are created empty, with row level security on: Supabase would otherwise
-- show a new table in `public` to everyone who has the project's public key.
do $$
declare
    missing record;
begin
    for missing in
        select
            table_name,
            string_agg(
                format('%I %s', column_name, type_name), ', ' order by position
            ) filter (where column_name <> 'loaded_at') as columns
        from recwatch_columns
        where to_regclass(format('public.%I', table_name)) is null
        group by table_name
    loop
        execute format(
            'create table public.%I (%s, loaded_at timestamptz not null default now())',
            missing.table_name, missing.columns
        );
        execute format('alter table public.%I enable row level security', missing.table_name);
    end loop;
end
$$;

-- 2. Three roles. Their passwords are set apart from this file.

do $$
begin
    if to_regrole('recwatch_build') is null then
        create role recwatch_build login;
    end if;
    if to_regrole('recwatch_read') is null then
        create role recwatch_read login;
    end if;
    if to_regrole('recwatch_state') is null then
        create role recwatch_state login;
    end if;
end
$$;

-- Whoever runs this hands schemas to these two, which takes a membership.
grant recwatch_build, recwatch_state to current_user;

alter role recwatch_build set statement_timeout = '30min';
alter role recwatch_read set statement_timeout = '1min';
alter role recwatch_read set default_transaction_read_only = on;

-- 3. Each raw table: when a row arrived or last changed, and who may read it.

create or replace function public.recwatch_renew_loaded_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.loaded_at := now();
    return new;
end
$$;

grant usage on schema public to recwatch_build;

do $$
declare
    raw record;
    keys text;
begin
    for raw in
        select
            oid,
            relname as name
        from pg_class
        where
            relnamespace = 'public'::regnamespace
            and relkind in ('r', 'p')
            and relname in (select table_name from recwatch_columns)
    loop
        execute format(
            'alter table public.%I add column if not exists loaded_at'
            ' timestamptz not null default now()',
            raw.name
        );
        if exists (
            select from pg_attribute
            where attrelid = raw.oid and attname = 'loaded_at' and not attnotnull
        ) then
            execute format('update public.%I set loaded_at = now() where loaded_at is null', raw.name);
            execute format('alter table public.%I alter column loaded_at set not null', raw.name);
        end if;
        execute format('alter table public.%I alter column loaded_at set default now()', raw.name);
        execute format(
            'create or replace trigger recwatch_loaded_at before update on public.%I'
            ' for each row execute function public.recwatch_renew_loaded_at()',
            raw.name
        );

        execute format(
            'create index if not exists %I on public.%I (loaded_at)',
            raw.name || '_loaded_at_idx', raw.name
        );
        -- The key, unless an index (a primary key, mostly) begins with it already.
        select string_agg(quote_ident(wanted.column_name), ', ' order by wanted.position)
        into keys
        from recwatch_columns as wanted
        left join pg_attribute as attribute
            on attribute.attrelid = raw.oid and attribute.attname = wanted.column_name
        where wanted.table_name = raw.name and wanted.is_key
        having
            bool_and(attribute.attname is not null)
            and not exists (
                select from pg_index
                where
                    pg_index.indrelid = raw.oid
                    and pg_index.indpred is null
                    and starts_with(
                        pg_index.indkey::text || ' ',
                        string_agg(attribute.attnum::text, ' ' order by wanted.position) || ' '
                    )
            );
        if keys is not null then
            execute format(
                'create index if not exists %I on public.%I (%s)',
                raw.name || '_key_idx', raw.name, keys
            );
        end if;

        execute format('grant select on public.%I to recwatch_build', raw.name);
        -- Where row level security is on, a role without a policy sees no row, and no error.
        if not exists (
            select from pg_policy where polrelid = raw.oid and polname = 'recwatch_build_reads'
        ) then
            execute format(
                'create policy recwatch_build_reads on public.%I'
                ' for select to recwatch_build using (true)',
                raw.name
            );
        end if;
    end loop;
end
$$;

-- 4. The schemas that recwatch_build fills, and the two that recwatch_read may read.

do $$
begin
    -- dbt asks for `create schema if not exists` in every run, which takes CREATE; its incremental
    -- models take temporary tables.
    execute format(
        'grant connect, create, temporary on database %I to recwatch_build', current_database()
    );
    execute format(
        'grant connect on database %I to recwatch_read, recwatch_state', current_database()
    );
end
$$;

create schema if not exists staging authorization recwatch_build;
create schema if not exists quarantine authorization recwatch_build;
create schema if not exists intermediate authorization recwatch_build;
create schema if not exists analytics authorization recwatch_build;
create schema if not exists experiments authorization recwatch_build;
create schema if not exists reference authorization recwatch_build;

-- What `recwatch check` has told whom: it fills this schema itself, and sees nothing else.
create schema if not exists recwatch_state authorization recwatch_state;

grant usage on schema analytics, experiments, reference to recwatch_read;
grant select on all tables in schema analytics, experiments, reference to recwatch_read;

-- A full refresh makes a mart anew: what is granted on the table itself would be gone.
alter default privileges for role recwatch_build in schema analytics, experiments, reference
grant select on tables to recwatch_read;

-- 5. What does not fit yet.

with

found as (
    select
        wanted.position,
        wanted.table_name,
        wanted.column_name,
        wanted.type_name,
        attribute.atttypid,
        format_type(attribute.atttypid, attribute.atttypmod) as found_type
    from recwatch_columns as wanted
    left join pg_attribute as attribute
        on
            attribute.attrelid = to_regclass(format('public.%I', wanted.table_name))
            and attribute.attname = wanted.column_name
            and not attribute.attisdropped
),

columns_amiss as (
    select
        position,
        format('public.%I.%I', table_name, column_name) as what,
        coalesce(found_type, 'missing') as found,
        type_name as wanted
    from found
    where
        case
            when atttypid is null then true
            when type_name in ('numeric(18, 3)', 'bigint')
                then atttypid not in (
                    'numeric'::regtype, 'bigint'::regtype, 'integer'::regtype, 'smallint'::regtype
                )
            else atttypid <> to_regtype(type_name)
        end
),

schemas_amiss as (
    select
        1000 as position,
        'schema ' || nspname as what,
        'owned by ' || nspowner::regrole::text as found,
        'owned by recwatch_build' as wanted
    from pg_namespace
    where
        nspname in ('staging', 'quarantine', 'intermediate', 'analytics', 'experiments', 'reference')
        and nspowner <> 'recwatch_build'::regrole
),

-- A grant that the grantor has no right to pass on is a warning, which no editor shows.
rights_amiss as (
    select
        2000 as position,
        'database ' || current_database() as what,
        'recwatch_build may not create schemas' as found,
        'its owner grants create to recwatch_build' as wanted
    where not has_database_privilege('recwatch_build', current_database(), 'create')
),

final as (
    select * from columns_amiss
    union all
    select * from schemas_amiss
    union all
    select * from rights_amiss
)

select
    what,
    found,
    wanted
from final
order by position, what;
