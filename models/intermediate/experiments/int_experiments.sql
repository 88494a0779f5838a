{{ config(
    materialized='incremental',
    incremental_strategy='replace_all',
    partition_by='source',
) }}
{#- A table, though a small one: much reads it, and how far each source has come is found once. -#}
with

versions as (
    select * from {{ ref('int_experiments_ledger') }}
    where status = 'accepted'
),

impressions as (
    select * from {{ ref('int_impressions') }}
),

responses as (
    select * from {{ ref('int_responses') }}
),

shop_events as (
    select * from {{ ref('int_shop_events') }}
),

watermarks as (
    select
        'personalization_metrics' as source,
        max(day) as newest_day
    from impressions
    union all
    select
        'shop_events' as source,
        max(day) as newest_day
    from (
        select max(day) as day from responses
        union all
        select max(day) as day from shop_events
    ) as telemetry
),

ranked as (
    select
        *,
        row_number() over (partition by experiment_key order by updated_at desc) as age_rank
    from versions
),

final as (
    select
        -- ids
        ranked.experiment_key,

        -- text
        ranked.name,
        ranked.experiment_status as status,
        ranked.owner,
        ranked.primary_metric,

        -- numerics
        ranked.min_duration_days,
        ranked.horizon_users,
        ranked.latency_threshold_ms,

        -- arrays
        ranked.arms,
        ranked.surfaces,
        ranked.primary_metrics,
        ranked.guardrails,

        -- times
        ranked.started_at,
        ranked.ended_at,
        ranked.updated_at,
        ranked.loaded_at,
        {{ local_day('ranked.started_at') }} as first_day,
        case
            when watermarks.newest_day is not null
                then least(
                    watermarks.newest_day,
                    {{ local_day("ranked.ended_at - interval '1 microsecond'") }}
                )
        end as last_day,
        ranked.source
    from ranked
    left join watermarks on ranked.source = watermarks.source
    where ranked.age_rank = 1
)

{{ note_of_a_whole() }}
select * from final
