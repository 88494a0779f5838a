{{ config(partition_by='utc_day') }}
{%- set recompute = days_to_recompute(
    [changed_rows('int_traces_ledger', first=utc_day('changed.created_at'))],
    column='bucket_start',
    as_instant=true,
) -%}

with

responses as (
    select * from {{ ref('int_responses') }}
    where {{ in_days('created_at', recompute, as_instant=true) }}
),

bucketed as (
    select
        *,
        {{ utc_bucket('created_at', 5) }} as bucket_start
    from responses
),

final as (
    select
        bucket_start,
        namespace,
        surface,
        {{ response_measures() }},
        max(loaded_at) as loaded_through,
        {{ utc_day('bucket_start') }} as utc_day
    from bucketed
    group by bucket_start, namespace, surface
)

select * from final
