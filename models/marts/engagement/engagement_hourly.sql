{{ config(partition_by='utc_day') }}
{#- An hour is a UTC instant, and in some zones a local day begins within one: recomputed by UTC
    days. -#}
{%- set recompute = days_to_recompute(
    [changed_rows('int_impressions_ledger', first=utc_day('changed.created_at'))],
    column='hour',
    as_instant=true,
) -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('created_at', recompute, as_instant=true) }}
),

hourly as (
    select
        {{ utc_hour('created_at') }} as hour,
        *
    from impressions
),

final as (
    select
        hour,
        surface,
        experiment_key,
        variation,
        {{ engagement_measures() }},
        max(loaded_at) as loaded_through,
        {{ utc_day('hour') }} as utc_day
    from hourly
    group by hour, surface, experiment_key, variation
)

select * from final
