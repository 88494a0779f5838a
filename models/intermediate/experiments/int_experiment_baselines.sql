{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- What exposed users did in the window before their exposure: the covariate of CUPED. -#}
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

events as (
    select * from {{ ref('int_experiment_events') }}
    where {{ since_stretches(recompute, 'last_day', before=days_before) }}
),

counted as (
    {{ events_of_exposures(
        'events.at >= exposures.exposed_at - ' ~ covariate_window()
        ~ ' and events.until < exposures.exposed_at'
    ) }}
),

final as (
    select
        experiment_key,
        user_id,
        scope,
        {{- sums_of_measures() }},
        max(loaded_at) as loaded_at,
        exposed_day as day
    from counted
    group by experiment_key, user_id, scope, exposed_day
)

select * from final
