-- The funnel's impressions and clicks are those of engagement, and each payload attribute's too.
with

engagement as (
    select
        day,
        surface,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks
    from {{ ref('engagement_daily') }}
    group by day, surface
),

funnel as (
    select
        day,
        surface,
        impressions,
        clicks
    from {{ ref('funnel_daily') }}
),

payload as (
    select
        day,
        surface,
        attribute,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks
    from {{ ref('payload_quality_daily') }}
    group by day, surface, attribute
),

compared as (
    select
        engagement.day,
        engagement.surface,
        funnel.impressions as funnel_impressions,
        funnel.clicks as funnel_clicks,
        engagement.impressions,
        engagement.clicks
    from engagement
    full outer join funnel
        on engagement.day = funnel.day and engagement.surface = funnel.surface
    union all
    select
        engagement.day,
        engagement.surface,
        payload.impressions as funnel_impressions,
        payload.clicks as funnel_clicks,
        engagement.impressions,
        engagement.clicks
    from engagement
    left join payload
        on engagement.day = payload.day and engagement.surface = payload.surface
)

select * from compared
where
    impressions is distinct from funnel_impressions
    or clicks is distinct from funnel_clicks
