{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- A user's first sight of an experiment: on any of its surfaces (scope `(all)`), and on each. -#}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_assignments'], settings={'surfaces': known_surfaces()}
) -%}

with

users as (
    select * from {{ ref('int_experiment_users') }}
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

surfaces as (
    select * from {{ ref('int_experiment_surfaces') }}
),

exposing_rows as (
    select * from {{ ref('int_exposing_rows') }}
    where {{ since_stretches(recompute) }}
),

responses as (
    select * from {{ ref('int_responses') }}
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

{% if recompute.stretches -%}
known as (
    select * from {{ this }}
    where {{ before_stretches(recompute) }}
),

{% endif -%}
seen as (
    select
        users.experiment_key,
        users.user_id,
        experiments.source,
        exposing_rows.surface,
        min(exposing_rows.created_at) as exposed_at
    from exposing_rows
    inner join users on exposing_rows.user_id = users.user_id
    inner join experiments
        on
            users.experiment_key = experiments.experiment_key
            and exposing_rows.source = experiments.source
    inner join surfaces
        on
            users.experiment_key = surfaces.experiment_key
            and exposing_rows.surface = surfaces.surface
    where
        {{ in_stretches(recompute, 'exposing_rows.day', 'users.experiment_key') }}
        and exposing_rows.created_at >= users.assigned_at
        and (experiments.ended_at is null or exposing_rows.created_at < experiments.ended_at)
    group by users.experiment_key, users.user_id, experiments.source, exposing_rows.surface
),

{# Read a second time rather than sorted whole: few rows share the instant of an exposure. #}
firsts as (
    select
        seen.experiment_key,
        seen.user_id,
        seen.surface,
        seen.exposed_at,
        exposing_rows.precedence,
        exposing_rows.row_id,
        exposing_rows.trace_id,
        exposing_rows.user_type,
        exposing_rows.device,
        exposing_rows.country,
        exposing_rows.loaded_at,
        exposing_rows.day,
        row_number() over (
            partition by seen.experiment_key, seen.user_id
            order by
                seen.exposed_at, exposing_rows.precedence, {{ byte_order('exposing_rows.row_id') }}
        ) as place,
        row_number() over (
            partition by seen.experiment_key, seen.user_id, seen.surface
            order by exposing_rows.precedence, {{ byte_order('exposing_rows.row_id') }}
        ) as place_on_surface
    from seen
    inner join exposing_rows
        on
            seen.user_id = exposing_rows.user_id
            and seen.source = exposing_rows.source
            and seen.surface = exposing_rows.surface
            and seen.exposed_at = exposing_rows.created_at
),

scoped as (
    select
        firsts.*,
        '(all)' as scope
    from firsts
    where firsts.place = 1
    union all
    select
        firsts.*,
        firsts.surface as scope
    from firsts
    where firsts.place_on_surface = 1
),

fresh as (
    select scoped.*
    from scoped
    {%- if recompute.stretches %}
    left join known
        on
            scoped.experiment_key = known.experiment_key
            and scoped.user_id = known.user_id
            and scoped.scope = known.scope
    where known.user_id is null
    {%- endif %}
),

visited as (
    select
        fresh.experiment_key,
        fresh.user_id,
        sessions.device,
        sessions.country,
        sessions.loaded_at,
        row_number() over (
            partition by fresh.experiment_key, fresh.user_id
            order by sessions.started_at desc, {{ byte_order('sessions.session_id') }} desc
        ) as place
    from fresh
    inner join sessions
        on
            fresh.user_id = sessions.user_id
            and fresh.exposed_at >= sessions.started_at
            and fresh.exposed_at <= sessions.ended_at
    where fresh.scope = '(all)'
),

final as (
    select
        -- ids
        fresh.experiment_key,
        fresh.user_id,

        -- text
        fresh.scope,
        coalesce(fresh.user_type, nullif(responses.user_type, '(unknown)'), '(unknown)')
            as user_type,
        coalesce(
            fresh.device,
            nullif(responses.device, '(unknown)'),
            nullif(visited.device, '(unknown)'),
            '(unknown)'
        ) as device,
        coalesce(fresh.country, nullif(visited.country, '(unknown)'), '(unknown)') as country,

        -- times
        fresh.exposed_at,
        greatest(fresh.loaded_at, responses.loaded_at, visited.loaded_at) as loaded_at,
        fresh.day
    from fresh
    left join responses
        on
            fresh.trace_id = responses.trace_id
            and fresh.user_id = responses.user_id
            and fresh.scope = '(all)'
            and fresh.precedence = 2
    left join visited
        on
            fresh.experiment_key = visited.experiment_key
            and fresh.user_id = visited.user_id
            and fresh.scope = '(all)'
            and visited.place = 1
)

select * from final
