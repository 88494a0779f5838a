-- What was shown is the same by day and by hour. Days and hours end together only in UTC, so in
-- other zones the whole is compared.
{% set by_day = var('reporting_timezone') == 'UTC' %}

with

daily as (
    select
        {{ 'day' if by_day else 'cast(null as date)' }} as day,
        surface,
        experiment_key,
        variation,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(dwell_events) as dwell_events,
        sum(dwell_ms_sum) as dwell_ms_sum
    from {{ ref('engagement_daily') }}
    group by {{ 'day, ' if by_day }}surface, experiment_key, variation
),

hourly as (
    select
        {{ utc_day('hour') if by_day else 'cast(null as date)' }} as day,
        surface,
        experiment_key,
        variation,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(dwell_events) as dwell_events,
        sum(dwell_ms_sum) as dwell_ms_sum
    from {{ ref('engagement_hourly') }}
    group by {{ utc_day('hour') ~ ', ' if by_day }}surface, experiment_key, variation
),

only_daily as (
    select * from daily
    except
    select * from hourly
),

only_hourly as (
    select * from hourly
    except
    select * from daily
)

select
    day,
    surface,
    experiment_key,
    variation,
    impressions,
    clicks,
    dwell_events,
    dwell_ms_sum
from only_daily
union all
select
    day,
    surface,
    experiment_key,
    variation,
    impressions,
    clicks,
    dwell_events,
    dwell_ms_sum
from only_hourly
