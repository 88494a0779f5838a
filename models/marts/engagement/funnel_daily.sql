{#- A save touches the impressions up to the conversion window before it. -#}
{%- set window_days = var('conversion_window_days') | int -%}
{%- set window = "interval '" ~ (window_days * 24) ~ " hours'" -%}
{%- set recompute = days_to_recompute(
    [
        changed_rows('int_impressions_ledger'),
        changed_rows(
            'int_interactions_ledger',
            first=local_day('changed.created_at - ' ~ window),
            last='changed.day',
            where="changed.interaction_type = 'save'",
        ),
    ],
    settings={'conversion_window_days': window_days},
) -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('day', recompute) }}
),

saves as (
    select * from {{ ref('int_saves') }}
    where {{ in_days('day', recompute, after=window_days + 1) }}
),

clicked as (
    select * from impressions
    where is_clicked
),

{# Two joins on equal keys rather than one with "or": an engine can hash those. #}
saved_by_recommendation as (
    select
        clicked.id,
        max(saves.loaded_at) as loaded_at
    from clicked
    inner join saves
        on
            clicked.user_id = saves.user_id
            and clicked.recommendation_id = saves.recommendation_id
            and clicked.created_at <= saves.created_at
            and clicked.created_at + {{ window }} > saves.created_at
    group by clicked.id
),

saved_by_destination as (
    select
        clicked.id,
        max(saves.loaded_at) as loaded_at
    from clicked
    inner join saves
        on
            clicked.user_id = saves.user_id
            and clicked.destination_slug = saves.destination_slug
            and clicked.created_at <= saves.created_at
            and clicked.created_at + {{ window }} > saves.created_at
    where clicked.recommendation_id is null or saves.recommendation_id is null
    group by clicked.id
),

saved as (
    select
        id,
        max(loaded_at) as loaded_at
    from (
        select * from saved_by_recommendation
        union all
        select * from saved_by_destination
    ) as matches
    group by id
),

final as (
    select
        impressions.day,
        impressions.surface,
        count(*) as impressions,
        count(case when impressions.is_clicked then 1 end) as clicks,
        count(saved.id) as saves,
        {{ ratio('count(case when impressions.is_clicked then 1 end)', 'count(*)') }}
            as click_rate,
        {{ ratio('count(saved.id)', 'count(case when impressions.is_clicked then 1 end)') }}
            as save_rate,
        greatest(max(impressions.loaded_at), max(saved.loaded_at)) as loaded_through
    from impressions
    left join saved on impressions.id = saved.id
    group by impressions.day, impressions.surface
)

select * from final
