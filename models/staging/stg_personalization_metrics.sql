{%- set keys = ['session_id', 'country', 'city', 'device', 'category', 'personalization_score'] -%}

with

raw_metrics as (
    select * from {{ source('raw', 'personalization_metrics') }}
),

surfaces as (
    select * from {{ ref('surfaces') }}
),

opened as (
    select
        *,
        {{ json_fields('metadata', keys) }} as fields
    from raw_metrics
),

validated as (
    select
        opened.*,
        case
            when {{ is_blank('id') }} then 'missing_id'
            when {{ is_blank('user_id') }} then 'missing_user'
            when surfaces.surface is null then 'unknown_surface'
            when {{ is_invalid_time('created_at') }} then 'invalid_time'
            when {{ is_future_time('created_at') }} then 'future_time'
            when {{ is_invalid_document('metadata') }} then 'invalid_json'
            when not {{ json_is_number('fields', 'personalization_score') }}
                then 'invalid_number'
            when opened.dwell_time_ms < 0 or opened.dwell_time_ms > 24 * 3600 * 1000
                then 'invalid_dwell'
        end as refused_reason
    from opened
    left join surfaces on opened.surface = surfaces.surface
),

final as (
    select
        -- ids
        {{ row_key('id') }} as row_key,
        id,
        user_id,
        {{ json_string('fields', 'session_id') }} as session_id,
        {{ blank_to_null('recommendation_id') }} as recommendation_id,
        {{ blank_to_null('destination_slug') }} as destination_slug,

        -- text
        surface,
        {{ blank_to_null('experiment_key') }} as experiment_key,
        {{ blank_to_null('variation') }} as variation,
        {{ json_string('fields', 'country') }} as country,
        {{ json_string('fields', 'city') }} as city,
        {{ json_string('fields', 'device') }} as device,
        {{ json_string('fields', 'category') }} as category,

        -- numerics
        dwell_time_ms,
        {{ json_number('fields', 'personalization_score') }} as personalization_score,

        -- booleans
        click_through,

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
