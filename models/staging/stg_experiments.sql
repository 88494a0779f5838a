{%- set shape = {
    'source': none, 'surfaces': [none], 'primary_metric': none, 'guardrails': [[
        'name', 'direction', 'threshold',
    ]],
    'min_duration_days': none, 'horizon_users': none, 'latency_threshold_ms': none,
} -%}
{#- A metric or a list of them, a list or something else: opened in two ways. -#}
{%- set otherwise = {'primary_metric': [none], 'surfaces': none} -%}
{%- set updated = 'cast(' ~ epoch_microseconds('updated_at') ~ ' as ' ~ dbt.type_string() ~ ')' -%}

with

raw_experiments as (
    select * from {{ source('raw', 'experiments') }}
),

opened as (
    select
        *,
        {{ json_fields('config', shape) }} as fields,
        {{ json_fields('config', otherwise) }} as other_fields,
        {{ json_fields('variations', [['key', 'weight', 'is_control']]) }} as arms,
        {{ json_type('variations') }} as variations_type
    from raw_experiments
),

listed as (
    select
        *,
        {{ json_elements('arms') }} as arm_elements,
        {{ json_elements('fields', 'surfaces') }} as surface_elements,
        {{ json_elements('fields', 'guardrails') }} as guardrail_elements,
        {{ json_elements('other_fields', 'primary_metric') }} as primary_elements,
        coalesce({{ json_string('fields', 'source') }}, 'personalization_metrics') as source
    from opened
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
            when {{ count_elements('arm_elements', json_string('item', 'key') ~ ' is null') }} > 0
                then 'invalid_json'
            when not {{ json_holds('array', 'config', 'fields', 'guardrails', usual='name') }}
                then 'invalid_json'
            when
                coalesce({{ json_field_type('other_fields', 'surfaces') }}, 'null')
                not in ('array', 'null')
                then 'invalid_json'
            when source not in ('personalization_metrics', 'shop_events') then 'invalid_json'
            when variations_type = 'array' and not {{ json_array_numbers('variations', 'weight') }}
                then 'invalid_number'
            when {{ count_elements('arm_elements', json_number('item', 'weight') ~ ' < 0') }} > 0
                then 'invalid_number'
            when
                not (
                    {{ json_is_number('fields', 'min_duration_days') }}
                    and {{ json_is_number('fields', 'horizon_users') }}
                    and {{ json_is_number('fields', 'latency_threshold_ms') }}
                )
                then 'invalid_number'
            when
                {{ count_elements(
                    'arm_elements', 'not (' ~ json_is_boolean('item', 'is_control') ~ ')'
                ) }} > 0
                then 'invalid_boolean'
        end as refused_reason
    from listed
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
        source,
        {{ json_string('fields', 'primary_metric') }} as primary_metric,

        -- numerics
        {{ json_number('fields', 'min_duration_days') }} as min_duration_days,
        {{ json_number('fields', 'horizon_users') }} as horizon_users,
        {{ json_number('fields', 'latency_threshold_ms') }} as latency_threshold_ms,

        -- arrays
        {{ typed_elements('arm_elements', {
            'variation': json_string('item', 'key'),
            'weight': json_number('item', 'weight'),
            'is_control': json_boolean('item', 'is_control'),
        }) }} as arms,
        {{ typed_elements('surface_elements', {'surface': json_text('item')}) }} as surfaces,
        {{ typed_elements('primary_elements', {'metric': json_text('item')}) }} as primary_metrics,
        {{ typed_elements('guardrail_elements', {
            'metric': json_string('item', 'name'),
            'direction': json_string('item', 'direction'),
            'threshold': json_string('item', 'threshold'),
            'margin': json_number('item', 'threshold'),
        }) }} as guardrails,

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
