{%- set recompute = days_to_recompute([changed_rows('int_impressions_ledger')]) -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('day', recompute) }}
),

final as (
    select
        day,
        surface,
        experiment_key,
        variation,
        country,
        {{ engagement_measures() }},
        count(distinct user_id) as users,
        count(distinct session_id) as sessions,
        max(loaded_at) as loaded_through
    from impressions
    group by day, surface, experiment_key, variation, country
)

select * from final
