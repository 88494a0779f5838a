{{ config(partition_by='week') }}
{#- A week is recomputed with its own days, with those of the week before it, and once the newest
    impression has passed its end (or no longer has). -#}
{%- set newest_day = "select max(day) from " ~ ref('int_impressions') -%}
{%- set newest_impression = "select max(created_at) as created_at from "
    ~ ref('int_impressions') ~ " where day = (" ~ newest_day ~ ")" -%}
{%- set week_end = local_midnight("cast(week + interval '7 days' as date)") -%}
{%- set recompute = days_to_recompute(
    [changed_rows(
        'int_impressions_ledger',
        first=week_of('changed.day'),
        last="cast(" ~ week_of('changed.day') ~ " + interval '7 days' as date)",
        via=['engagement_daily'],
    )],
    column='week',
    step=7,
    also="select distinct week from " ~ this ~ " where is_complete <> ("
        ~ week_end ~ " <= (" ~ newest_impression ~ "))",
) -%}

with

engagement as (
    select * from {{ ref('engagement_daily') }}
    where {{ in_days('day', recompute, before=7, after=6) }}
),

newest as (
    {{ newest_impression }}
),

weekly as (
    select
        {{ week_of('day') }} as week,
        surface,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        {{ ratio('sum(clicks)', 'sum(impressions)') }} as ctr,
        max(loaded_through) as loaded_through
    from engagement
    group by {{ week_of('day') }}, surface
),

compared as (
    select
        weekly.*,
        previous.ctr as prev_ctr
    from weekly
    left join weekly as previous
        on
            weekly.surface = previous.surface
            and weekly.week = cast(previous.week + interval '7 days' as date)
),

final as (
    select
        week,
        surface,
        cast(impressions as bigint) as impressions,
        cast(clicks as bigint) as clicks,
        ctr,
        prev_ctr,
        ctr - prev_ctr as wow_change,
        (ctr - prev_ctr) / nullif(prev_ctr, 0) as wow_change_relative,
        {{ week_end }} <= (select newest.created_at from newest) as is_complete,
        loaded_through
    from compared
    where {{ in_days('week', recompute) }}
)

select * from final
