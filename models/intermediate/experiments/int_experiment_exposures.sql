{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- A user's first sight of an experiment: on any of its surfaces (scope `(all)`), and on each. -#}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_assignments'], settings={'surfaces': known_surfaces()}
) -%}

with

assignments as (
    select * from {{ ref('int_experiment_assignments') }}
    where place = 1
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

{# The same rows read apart: to look into the few that matter takes every column, to find them
   takes few, and of a CTE that both share DuckDB would keep all columns of all rows. #}
detailed_rows as (
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
    where scope = '(all)' and {{ before_stretches(recompute) }}
),

known_there as (
    select * from {{ this }}
    where scope <> '(all)' and {{ before_stretches(recompute) }}
),

{% endif -%}
seen as (
    select
        assignments.experiment_key,
        assignments.user_id,
        experiments.source,
        exposing_rows.surface,
        min(exposing_rows.created_at) as exposed_at
    from exposing_rows
    inner join assignments on exposing_rows.user_id = assignments.user_id
    inner join experiments
        on
            assignments.experiment_key = experiments.experiment_key
            and exposing_rows.source = experiments.source
    inner join surfaces
        on
            assignments.experiment_key = surfaces.experiment_key
            and exposing_rows.surface = surfaces.surface
    where
        {{ in_stretches(recompute, 'exposing_rows.day', 'assignments.experiment_key') }}
        and exposing_rows.created_at >= assignments.assigned_at
        and (experiments.ended_at is null or exposing_rows.created_at < experiments.ended_at)
    group by
        assignments.experiment_key, assignments.user_id, experiments.source,
        exposing_rows.surface
),

{# Who was exposed on a surface before was so in the experiment too: on most nights that is nearly
   everybody, and few are left to look into. #}
sights as (
    select seen.*
    from seen
    {%- if recompute.stretches %}
    left join known_there
        on
            seen.experiment_key = known_there.experiment_key
            and seen.user_id = known_there.user_id
            and seen.surface = known_there.scope
    where known_there.user_id is null
    {%- endif %}
),

{# Looked up rather than sorted whole: few rows share the instant of an exposure. #}
firsts as (
    select
        sights.experiment_key,
        sights.user_id,
        sights.surface,
        sights.exposed_at,
        detailed_rows.precedence,
        detailed_rows.row_id,
        detailed_rows.trace_id,
        detailed_rows.user_type,
        detailed_rows.device,
        detailed_rows.country,
        detailed_rows.loaded_at,
        detailed_rows.day,
        row_number() over (
            partition by sights.experiment_key, sights.user_id
            order by
                sights.exposed_at, detailed_rows.precedence,
                {{ byte_order('detailed_rows.row_id') }}
        ) as place,
        row_number() over (
            partition by sights.experiment_key, sights.user_id, sights.surface
            order by detailed_rows.precedence, {{ byte_order('detailed_rows.row_id') }}
        ) as place_on_surface
    from sights
    inner join detailed_rows
        on
            sights.user_id = detailed_rows.user_id
            and sights.source = detailed_rows.source
            and sights.surface = detailed_rows.surface
            and sights.exposed_at = detailed_rows.created_at
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
