with

complete_weeks as (
    select * from {{ ref('ctr_weekly') }}
    where is_complete
),

session_coverage as (
    select * from {{ ref('session_coverage_daily') }}
),

funnel as (
    select * from {{ ref('funnel_daily') }}
),

newest as (
    select distinct week
    from complete_weeks
    where week = (select max(every_week.week) from complete_weeks as every_week)
),

covered as (
    select
        session_coverage.surface,
        sum(session_coverage.sessions_total) as sessions_total,
        sum(session_coverage.sessions_with_impression) as sessions_with_impression
    from session_coverage
    inner join newest on {{ week_of('session_coverage.day') }} = newest.week
    group by session_coverage.surface
),

reached as (
    select
        funnel.surface,
        sum(funnel.impressions) as impressions,
        sum(funnel.clicks) as clicks,
        sum(funnel.saves) as saves
    from funnel
    inner join newest on {{ week_of('funnel.day') }} = newest.week
    group by funnel.surface
),

{# A surface without impressions is in the first only; one that no session names, in the second. #}
surfaces as (
    select surface from covered
    union
    select surface from reached
),

final as (
    select
        newest.week,
        surfaces.surface,
        cast(coalesce(covered.sessions_total, 0) as bigint) as sessions_total,
        cast(coalesce(covered.sessions_with_impression, 0) as bigint) as sessions_with_impression,
        {{ ratio('covered.sessions_with_impression', 'covered.sessions_total') }}
            as session_coverage,
        cast(coalesce(reached.impressions, 0) as bigint) as impressions,
        cast(coalesce(reached.clicks, 0) as bigint) as clicks,
        cast(coalesce(reached.saves, 0) as bigint) as saves,
        {{ ratio('reached.clicks', 'reached.impressions') }} as click_rate,
        {{ ratio('reached.saves', 'reached.clicks') }} as save_rate
    from surfaces
    cross join newest
    left join covered on surfaces.surface = covered.surface
    left join reached on surfaces.surface = reached.surface
)

select * from final
order by impressions desc, surface asc
