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
        count(*) as impressions,
        count(case when is_clicked then 1 end) as clicks,
        {{ ratio('count(case when is_clicked then 1 end)', 'count(*)') }} as ctr,
        count(dwell_time_ms) as dwell_events,
        cast(coalesce(sum(dwell_time_ms), 0) as numeric(38, 3)) as dwell_ms_sum,
        {{ ratio('sum(dwell_time_ms)', 'count(dwell_time_ms)') }} as avg_dwell_ms,
        max(loaded_at) as loaded_through
    from hourly
    group by hour, surface, experiment_key, variation
)

select * from final
