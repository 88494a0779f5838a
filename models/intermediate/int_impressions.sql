with

ledger as (
    select * from {{ ref('int_impressions_ledger') }}
),

final as (
    select
        -- ids
        row_key as id,
        user_id,
        session_id,
        recommendation_id,
        destination_slug,

        -- text
        surface,
        coalesce(experiment_key, '(none)') as experiment_key,
        coalesce(variation, '(none)') as variation,
        coalesce(country, '(unknown)') as country,
        coalesce(city, '(unknown)') as city,
        device,
        coalesce(category, '(unknown)') as category,

        -- numerics
        dwell_time_ms,
        personalization_score,

        -- booleans
        coalesce(click_through, false) as is_clicked,

        -- times
        created_at,
        loaded_at,
        day
    from ledger
    where status = 'accepted'
)

select * from final
