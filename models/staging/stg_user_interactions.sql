with

raw_interactions as (
    select * from {{ source('raw', 'user_interactions') }}
),

validated as (
    select
        *,
        case
            when {{ is_blank('id') }} then 'missing_id'
            when {{ is_blank('user_id') }} then 'missing_user'
            when {{ is_blank('interaction_type') }} then 'unknown_event'
            when {{ is_invalid_time('created_at') }} then 'invalid_time'
            when {{ is_future_time('created_at') }} then 'future_time'
            when {{ is_invalid_document('metadata') }} then 'invalid_json'
        end as refused_reason
    from raw_interactions
),

final as (
    select
        -- ids
        {{ row_key('id') }} as row_key,
        id,
        user_id,
        {{ blank_to_null('recommendation_id') }} as recommendation_id,
        {{ blank_to_null('destination_slug') }} as destination_slug,

        -- text
        interaction_type,

        -- documents
        metadata,

        -- times
        created_at,
        loaded_at,
        {{ ledger_day('created_at') }} as day,
        {{ local_day('loaded_at') }} as load_day,

        -- verdict
        refused_reason
    from validated
)

select * from final
