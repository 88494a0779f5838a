{%- set recompute = days_to_recompute([changed_rows('int_traces_ledger')]) -%}

with

response_sources as (
    select * from {{ ref('int_response_sources') }}
    where {{ in_days('day', recompute) }}
),

{# The requests with candidates so far: it stands still for as long as a streak of zeros lasts. #}
numbered as (
    select
        *,
        sum(case when candidates <> 0 then 1 else 0 end) over (
            partition by day, namespace, surface, source
            order by created_at, {{ byte_order('trace_id') }}
            rows between unbounded preceding and current row
        ) as streak
    from response_sources
),

streaks as (
    select
        day,
        namespace,
        surface,
        source,
        streak,
        count(*) as requests,
        count(case when candidates = 0 then 1 end) as zero_requests,
        sum(candidates) as count_sum,
        max(loaded_at) as loaded_through,
        row_number() over (
            partition by day, namespace, surface, source order by streak desc
        ) as place_from_last
    from numbered
    group by day, namespace, surface, source, streak
),

final as (
    select
        day,
        namespace,
        surface,
        source,
        cast(sum(requests) as bigint) as requests,
        cast(sum(zero_requests) as bigint) as zero_requests,
        {{ ratio('sum(zero_requests)', 'sum(requests)') }} as zero_rate,
        sum(count_sum) as count_sum,
        {{ ratio('sum(count_sum)', 'sum(requests)') }} as avg_count,
        max(zero_requests) as longest_zero_streak,
        max(case when place_from_last = 1 then zero_requests end) as trailing_zero_streak,
        max(loaded_through) as loaded_through
    from streaks
    group by day, namespace, surface, source
)

select * from final
