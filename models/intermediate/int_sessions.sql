with

ledger as (
    select * from {{ ref('int_sessions_ledger') }}
),

final as (
    select
        -- ids
        row_key as session_id,
        user_id,

        -- text
        coalesce(device, '(unknown)') as device,
        coalesce(country, '(unknown)') as country,

        -- booleans
        is_bounce,
        is_crash_free,

        -- times
        started_at,
        ended_at,
        loaded_at,
        day
    from ledger
    where status = 'accepted'
)

select * from final
