with

complete_weeks as (
    select * from {{ ref('ctr_weekly') }}
    where is_complete
),

newest as (
    select max(week) as newest_week from complete_weeks
),

final as (
    select
        complete_weeks.surface,
        complete_weeks.week,
        complete_weeks.impressions,
        complete_weeks.ctr,
        complete_weeks.prev_ctr,
        complete_weeks.wow_change,
        complete_weeks.wow_change_relative
    from complete_weeks
    cross join newest
    where
        complete_weeks.week > newest.newest_week - interval '28 days'
        and complete_weeks.wow_change < 0
)

select * from final
order by wow_change, surface, week
