-- Every dwell event is in one bucket of the histogram and in the percentiles.
with

engagement as (
    select
        day,
        surface,
        cast(sum(dwell_events) as bigint) as events
    from {{ ref('engagement_daily') }}
    group by day, surface
    having sum(dwell_events) > 0
),

histogram as (
    select
        day,
        surface,
        cast(sum(events) as bigint) as events
    from {{ ref('dwell_histogram_daily') }}
    group by day, surface
),

percentiles as (
    select
        day,
        surface,
        events
    from {{ ref('dwell_percentiles_daily') }}
),

compared as (
    select
        coalesce(engagement.day, histogram.day, percentiles.day) as day,
        coalesce(engagement.surface, histogram.surface, percentiles.surface) as surface,
        engagement.events,
        histogram.events as histogram_events,
        percentiles.events as percentile_events
    from engagement
    full outer join histogram
        on engagement.day = histogram.day and engagement.surface = histogram.surface
    full outer join percentiles
        on histogram.day = percentiles.day and histogram.surface = percentiles.surface
)

select * from compared
where
    events is distinct from histogram_events
    or events is distinct from percentile_events
