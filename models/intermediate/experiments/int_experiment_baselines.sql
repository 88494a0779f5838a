{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- What exposed users did in the window before their exposure: the covariate of CUPED. -#}
{%- set in_use = measures_in_use() -%}
{%- set days_before = (var('cuped_window_days') | int) + 1 -%}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_exposures'],
    settings={'cuped_window_days': var('cuped_window_days'), 'surfaces': known_surfaces()},
) -%}

with

exposures as (
    select * from {{ ref('int_experiment_exposures') }}
    where {{ in_stretches(recompute) }}
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

surfaces as (
    select * from {{ ref('int_experiment_surfaces') }}
),

{# On most nights few are exposed for the first time; on the first nearly all who did anything. #}
events as (
    select * from {{ ref('int_experiment_events') }}
    where
        {{ since_stretches(recompute, 'last_day', before=days_before) }}
        and {{ unless_whole(recompute, 'user_id in (select exposures.user_id from exposures)') }}
),

counted as (
    select
        exposures.experiment_key,
        exposures.user_id,
        exposures.scope,
        greatest(exposures.loaded_at, events.loaded_at) as loaded_at,
        exposures.day,
        {{ measures_of_experiment() }}
    from events
    inner join exposures on events.user_id = exposures.user_id
    inner join experiments on exposures.experiment_key = experiments.experiment_key
    left join surfaces
        on
            exposures.experiment_key = surfaces.experiment_key
            and events.surface = surfaces.surface
    where
        exposures.scope = '(all)'
        and events.source in (experiments.source, 'any')
        and events.at >= exposures.exposed_at - {{ covariate_window() }}
        and events.until < exposures.exposed_at
        and (events.surface is null or surfaces.surface is not null)
    union all
    select
        exposures.experiment_key,
        exposures.user_id,
        exposures.scope,
        greatest(exposures.loaded_at, events.loaded_at) as loaded_at,
        exposures.day,
        {{ measures_of_experiment() }}
    from events
    inner join exposures on events.user_id = exposures.user_id and events.surface = exposures.scope
    inner join experiments on exposures.experiment_key = experiments.experiment_key
    where
        exposures.scope <> '(all)'
        and events.source in (experiments.source, 'any')
        and events.at >= exposures.exposed_at - {{ covariate_window() }}
        and events.until < exposures.exposed_at
),

before as (
    select
        experiment_key,
        user_id,
        scope,
        {{ sums_of_measures(in_use) }},
        max(loaded_at) as loaded_at,
        day
    from counted
    group by experiment_key, user_id, scope, day
),

final as (
    select
        experiment_key,
        user_id,
        scope,
        {{ measures_there() }},
        loaded_at,
        day
    from before
    where scope <> '(all)'
    union all
    select
        experiment_key,
        user_id,
        scope,
        {{ listed(experiment_measures(), '{}') }},
        loaded_at,
        day
    from before
    where scope = '(all)'
)

select * from final
