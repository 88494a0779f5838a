{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- Whom the logs of the product itself name under an experiment: the first time in each arm. -#}
{%- set recompute = stretches_to_recompute() -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ since_stretches(recompute) }} and experiment_key <> '(none)'
),

responses as (
    select * from {{ ref('int_responses') }}
    where {{ since_stretches(recompute) }} and experiment_key <> '(none)'
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

surfaces as (
    select * from {{ ref('int_experiment_surfaces') }}
),

{% if recompute.stretches -%}
known as (
    select * from {{ this }}
    where {{ before_stretches(recompute) }}
),

{% endif -%}
logged as (
    select
        'personalization_metrics' as source,
        experiment_key,
        user_id,
        variation,
        surface,
        created_at,
        day
    from impressions
    union all
    select
        'shop_events' as source,
        experiment_key,
        user_id,
        variation,
        surface,
        created_at,
        day
    from responses
),

firsts as (
    select
        logged.experiment_key,
        logged.user_id,
        logged.variation,
        min(logged.day) as day
    from logged
    inner join experiments
        on
            logged.experiment_key = experiments.experiment_key
            and logged.source = experiments.source
    inner join surfaces
        on
            logged.experiment_key = surfaces.experiment_key
            and logged.surface = surfaces.surface
    where
        {{ in_stretches(recompute, 'logged.day', 'logged.experiment_key') }}
        and logged.created_at >= experiments.started_at
        and (experiments.ended_at is null or logged.created_at < experiments.ended_at)
    group by logged.experiment_key, logged.user_id, logged.variation
),

final as (
    select
        firsts.experiment_key,
        firsts.user_id,
        firsts.variation,
        firsts.day
    from firsts
    {%- if recompute.stretches %}
    left join known
        on
            firsts.experiment_key = known.experiment_key
            and firsts.user_id = known.user_id
            and firsts.variation = known.variation
    where known.user_id is null
    {%- endif %}
)

select * from final
