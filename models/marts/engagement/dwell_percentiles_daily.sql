{%- set recompute = days_to_recompute([changed_rows('int_impressions_ledger')]) -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('day', recompute) }} and dwell_time_ms is not null
),

dwells as (
    select
        day,
        surface,
        cast(dwell_time_ms as {{ type_double() }}) as dwell_ms,
        loaded_at
    from impressions
),

final as (
    select
        day,
        surface,
        count(*) as events,
        percentile_cont(0.5) within group (order by dwell_ms) as p50,
        percentile_cont(0.9) within group (order by dwell_ms) as p90,
        percentile_cont(0.95) within group (order by dwell_ms) as p95,
        percentile_cont(0.99) within group (order by dwell_ms) as p99,
        max(loaded_at) as loaded_through
    from dwells
    group by day, surface
)

select * from final
