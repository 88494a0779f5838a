with

raw_settings as (
    select * from {{ source('raw', 'personalization_settings') }}
),

validated as (
    select
        *,
        case
            when {{ is_blank('user_id') }} then 'missing_user'
            when {{ is_invalid_time('updated_at') }} then 'invalid_time'
            when {{ is_future_time('updated_at') }} then 'future_time'
        end as refused_reason
    from raw_settings
),

final as (
    select
        -- ids
        {{ row_key('user_id') }} as row_key,
        user_id,

        -- booleans
        personalization_enabled,
        data_sharing_consent,

        -- times
        updated_at,
        loaded_at,
        {{ ledger_day('updated_at') }} as day,
        {{ local_day('loaded_at') }} as load_day,

        -- verdict
        refused_reason
    from validated
)

select * from final
