{%- set recompute = days_to_recompute([changed_rows('int_impressions_ledger')]) -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('day', recompute) }}
),

final as (
    select
        day,
        surface,
        experiment_key,
        variation,
        country,
        count(*) as impressions,
        count(case when is_clicked then 1 end) as clicks,
        {{ ratio('count(case when is_clicked then 1 end)', 'count(*)') }} as ctr,
        count(dwell_time_ms) as dwell_events,
        cast(coalesce(sum(dwell_time_ms), 0) as numeric(38, 3)) as dwell_ms_sum,
        {{ ratio('sum(dwell_time_ms)', 'count(dwell_time_ms)') }} as avg_dwell_ms,
        count(distinct user_id) as users,
        count(distinct session_id) as sessions,
        max(loaded_at) as loaded_through
    from impressions
    group by day, surface, experiment_key, variation, country
)

select * from final
