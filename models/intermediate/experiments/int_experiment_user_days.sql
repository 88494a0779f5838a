{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- What users did since their exposure, day by day. A visit that was under way at the exposure
    counts on the day of the exposure. -#}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_exposures', 'int_clicks'], settings={'surfaces': known_surfaces()}
) -%}

with

exposures as (
    select * from {{ ref('int_experiment_exposures') }}
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

surfaces as (
    select * from {{ ref('int_experiment_surfaces') }}
),

events as (
    select * from {{ ref('int_experiment_events') }}
    where {{ since_stretches(recompute, 'last_day') }}
),

counted as (
    {{ events_of_exposures(
        'events.until >= exposures.exposed_at'
        ~ ' and (experiments.ended_at is null or events.at < experiments.ended_at)'
        ~ ' and ' ~ in_stretches(
            recompute, 'greatest(events.day, exposures.day)', 'exposures.experiment_key'
        )
    ) }}
),

final as (
    select
        experiment_key,
        user_id,
        scope,
        {{- sums_of_measures() }},
        max(loaded_at) as loaded_at,
        greatest(event_day, exposed_day) as day
    from counted
    group by experiment_key, user_id, scope, greatest(event_day, exposed_day)
)

select * from final
