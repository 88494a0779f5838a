-- A week holds what its seven days hold.
with

daily as (
    select
        {{ week_of('day') }} as week,
        surface,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks
    from {{ ref('engagement_daily') }}
    group by {{ week_of('day') }}, surface
),

weekly as (
    select
        week,
        surface,
        impressions,
        clicks
    from {{ ref('ctr_weekly') }}
),

only_daily as (
    select * from daily
    except
    select * from weekly
),

only_weekly as (
    select * from weekly
    except
    select * from daily
)

select
    week,
    surface,
    impressions,
    clicks
from only_daily
union all
select
    week,
    surface,
    impressions,
    clicks
from only_weekly
