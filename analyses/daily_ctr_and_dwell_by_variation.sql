with

engagement as (
    select * from {{ ref('engagement_daily') }}
),

newest as (
    select max(day) as newest_day from engagement
),

final as (
    select
        engagement.day,
        engagement.experiment_key,
        engagement.variation,
        cast(sum(engagement.clicks) as bigint) as clicks,
        cast(sum(engagement.impressions) as bigint) as impressions,
        {{ ratio('sum(engagement.clicks)', 'sum(engagement.impressions)') }} as ctr,
        {{ ratio('sum(engagement.dwell_ms_sum)', 'sum(engagement.dwell_events)') }} as avg_dwell_ms
    from engagement
    cross join newest
    where engagement.day > newest.newest_day - interval '30 days'
    group by engagement.day, engagement.experiment_key, engagement.variation
)

select * from final
order by day desc, experiment_key asc, variation asc
