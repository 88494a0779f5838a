{%- set bounds = var('dwell_bucket_lower_ms') -%}
{%- set recompute = days_to_recompute(
    [changed_rows('int_impressions_ledger')],
    settings={'dwell_bucket_lower_ms': bounds},
) -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('day', recompute) }} and dwell_time_ms is not null
),

buckets as (
    {%- for lower in bounds %}
    select
        cast({{ lower }} as bigint) as bucket_lower_ms,
        cast({{ bounds[loop.index] if not loop.last else 'null' }} as bigint) as bucket_upper_ms,
        '{{ dwell_bucket_label(lower, bounds[loop.index] if not loop.last else none) }}' as bucket
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

bucketed as (
    select
        day,
        surface,
        loaded_at,
        case
            {%- for lower in bounds | reverse %}
            when dwell_time_ms >= {{ lower }} then {{ lower }}
            {%- endfor %}
        end as bucket_lower_ms
    from impressions
),

counted as (
    select
        day,
        surface,
        bucket_lower_ms,
        count(*) as events,
        max(loaded_at) as loaded_through
    from bucketed
    group by day, surface, bucket_lower_ms
),

final as (
    select
        counted.day,
        counted.surface,
        buckets.bucket,
        buckets.bucket_lower_ms,
        buckets.bucket_upper_ms,
        counted.events,
        counted.loaded_through
    from counted
    inner join buckets on counted.bucket_lower_ms = buckets.bucket_lower_ms
)

select * from final
