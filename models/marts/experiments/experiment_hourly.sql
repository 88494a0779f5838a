{{ config(partition_by='utc_day') }}
{%- set recompute = days_to_recompute(
    changed_logged_events(day=utc_day('{}.created_at')), column='hour', as_instant=true
) -%}

with

{# An hour of a UTC day may lie on the local day before or after. #}
events as (
    select
        *,
        {{ utc_hour('created_at') }} as hour
    from {{ ref('int_logged_events') }}
    where
        {{ in_days('day', recompute, before=1, after=1) }}
        and {{ in_days('created_at', recompute, as_instant=true) }}
        and experiment_key <> '(none)'
),

final as (
    select
        hour,
        experiment_key,
        variation,
        surface,
        count(case when event_name = 'impression' then 1 end) as impressions,
        count(case when event_name = 'click' then 1 end) as clicks,
        {{ ratio(
            "count(case when event_name = 'click' then 1 end)",
            "count(case when event_name = 'impression' then 1 end)",
        ) }} as ctr,
        count(case when event_name = 'add_to_cart' then 1 end) as adds,
        cast(coalesce(sum(case when event_name = 'purchase' then revenue end), 0) as numeric(38, 4))
            as revenue,
        max(loaded_at) as loaded_through,
        {{ utc_day('hour') }} as utc_day
    from events
    group by hour, experiment_key, variation, surface
)

select * from final
