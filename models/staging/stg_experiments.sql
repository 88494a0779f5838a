{%- set keys = ['min_duration_days'] -%}
{%- set updated = 'cast(' ~ epoch_microseconds('updated_at') ~ ' as ' ~ dbt.type_string() ~ ')' -%}

with

raw_experiments as (
    select * from {{ source('raw', 'experiments') }}
),

opened as (
    select
        *,
        {{ json_fields('config', keys) }} as fields,
        {{ json_type('variations') }} as variations_type
    from raw_experiments
),

validated as (
    select
        *,
        case
            when {{ is_blank('experiment_key') }} then 'missing_id'
            when {{ is_invalid_time('updated_at') }} then 'invalid_time'
            when started_at is not null and {{ is_invalid_time('started_at') }} then 'invalid_time'
            when ended_at is not null and {{ is_invalid_time('ended_at') }} then 'invalid_time'
            when {{ is_future_time('updated_at') }} then 'future_time'
            when coalesce(variations_type, 'null') not in ('array', 'null') then 'invalid_json'
            when {{ is_invalid_document('config') }} then 'invalid_json'
            when variations_type = 'array' and not {{ json_array_numbers('variations', 'weight') }}
                then 'invalid_number'
            when not {{ json_is_number('fields', 'min_duration_days') }} then 'invalid_number'
        end as refused_reason
    from opened
),

final as (
    select
        -- ids
        {{ row_key_of(['experiment_key', updated]) }} as row_key,
        experiment_key,

        -- text
        name,
        status as experiment_status,
        owner,

        -- documents
        variations,
        config,

        -- times
        started_at,
        ended_at,
        updated_at,
        loaded_at,
        {{ ledger_day('updated_at') }} as day,
        {{ local_day('loaded_at') }} as load_day,

        -- verdict
        refused_reason
    from validated
)

select * from final
