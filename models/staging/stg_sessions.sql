with

raw_sessions as (
    select * from {{ source('raw', 'sessions') }}
),

validated as (
    select
        *,
        case
            when {{ is_blank('session_id') }} then 'missing_id'
            when {{ is_blank('user_id') }} then 'missing_user'
            when {{ is_invalid_time('started_at') }} then 'invalid_time'
            when ended_at is not null and {{ is_invalid_time('ended_at') }} then 'invalid_time'
            when {{ is_future_time('started_at') }} then 'future_time'
        end as refused_reason
    from raw_sessions
),

final as (
    select
        -- ids
        {{ row_key('session_id') }} as row_key,
        session_id,
        user_id,

        -- text
        {{ blank_to_null('device') }} as device,
        {{ blank_to_null('country') }} as country,

        -- booleans
        is_bounce,
        is_crash_free,

        -- times
        started_at,
        ended_at,
        loaded_at,
        {{ ledger_day('started_at') }} as day,
        {{ local_day('loaded_at') }} as load_day,

        -- verdict
        refused_reason
    from validated
)

select * from final
