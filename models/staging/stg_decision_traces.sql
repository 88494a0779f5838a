{%- set shape = {
    'k': none, 'segment_id': none, 'device': none, 'user_type': none, 'latency_ms': none,
    'items': [[
        'item_id', 'rank', 'score', 'propensity', 'brand', 'category', 'personalized', 'available',
        'reasons',
    ]],
    'candidate_sources': 'named',
    'extras': {
        'experiment_key': none, 'experiment_variant': none, 'personalized_items_count': none,
        'reason_items_count': none, 'cold_start_impression': none,
        'blend': ['alpha', 'beta', 'gamma'],
    },
} -%}
{%- set extras = json_field('fields', 'extras') -%}
{%- set blend = json_field(extras, 'blend') -%}

with

raw_traces as (
    select * from {{ source('raw', 'decision_traces') }}
),

surfaces as (
    select * from {{ ref('surfaces') }}
),

opened as (
    select
        *,
        {{ json_fields('payload', shape) }} as fields
    from raw_traces
),

listed as (
    select
        *,
        {{ json_elements('fields', 'items') }} as elements,
        {{ json_number(extras, 'personalized_items_count') }} as said_personalized,
        {{ json_number(extras, 'reason_items_count') }} as said_reasons
    from opened
),

counted as (
    select
        *,
        {{ count_elements('elements') }} as served_items,
        {{ count_elements('elements', json_boolean('item', 'personalized') ~ ' is not null') }}
            as items_with_flag,
        {{ count_elements('elements', json_boolean('item', 'personalized')) }}
            as items_personalized,
        {{ count_elements('elements', json_has_elements('item', 'reasons') ~ ' is not null') }}
            as items_with_reasons,
        {{ count_elements('elements', json_has_elements('item', 'reasons')) }} as items_explained,
        {{ count_elements('elements', 'not ' ~ json_boolean('item', 'available')) }}
            as unavailable_items
    from listed
),

validated as (
    select
        counted.*,
        case
            when {{ is_blank('trace_id') }} then 'missing_id'
            when {{ is_blank('user_id') }} then 'missing_user'
            when surfaces.surface is null then 'unknown_surface'
            when {{ is_invalid_time('created_at') }} then 'invalid_time'
            when {{ is_future_time('created_at') }} then 'future_time'
            when {{ is_invalid_document('payload') }} then 'invalid_json'
            when
                not (
                    {{ json_holds('array', 'payload', 'fields', 'items', usual='item_id') }}
                    and {{ json_holds('object', 'payload', 'fields', 'candidate_sources') }}
                    and {{ json_holds(
                        'object', 'payload', 'fields', 'extras', usual='personalized_items_count'
                    ) }}
                )
                then 'invalid_json'
            when
                not (
                    {{ json_is_number('fields', 'k') }}
                    and {{ json_is_number('fields', 'latency_ms') }}
                    and {{ json_is_number(extras, 'personalized_items_count') }}
                    and {{ json_is_number(extras, 'reason_items_count') }}
                    and {{ json_is_number(blend, 'alpha') }}
                    and {{ json_is_number(blend, 'beta') }}
                    and {{ json_is_number(blend, 'gamma') }}
                    and {{ json_are_named_numbers('fields', 'candidate_sources', 'count') }}
                    and {{ count_elements('elements', 'not (' ~ [
                        json_is_number('item', 'rank'),
                        json_is_number('item', 'score'),
                        json_is_number('item', 'propensity'),
                    ] | join(' and ') ~ ')') }} = 0
                )
                then 'invalid_number'
            when
                not (
                    {{ json_is_boolean(extras, 'cold_start_impression') }}
                    and {{ count_elements('elements', 'not (' ~ [
                        json_is_boolean('item', 'personalized'),
                        json_is_boolean('item', 'available'),
                    ] | join(' and ') ~ ')') }} = 0
                )
                then 'invalid_boolean'
        end as refused_reason
    from counted
    left join surfaces on counted.surface = surfaces.surface
),

final as (
    select
        -- ids
        {{ row_key('trace_id') }} as row_key,
        trace_id,
        user_id,

        -- text
        coalesce({{ blank_to_null('namespace') }}, 'default') as namespace,
        surface,
        {{ json_string('fields', 'segment_id') }} as segment_id,
        {{ json_string('fields', 'device') }} as device,
        {{ json_string('fields', 'user_type') }} as user_type,
        {{ json_string(extras, 'experiment_key') }} as experiment_key,
        {{ json_string(extras, 'experiment_variant') }} as experiment_variant,

        -- numerics
        {{ json_number('fields', 'k') }} as k,
        {{ json_number('fields', 'latency_ms') }} as latency_ms,
        served_items,
        {{ items_or_said('items_with_flag', 'items_personalized', 'said_personalized') }}
            as personalized_items,
        {{ items_or_said('items_with_reasons', 'items_explained', 'said_reasons') }}
            as reason_items,
        unavailable_items,

        -- booleans
        coalesce({{ json_boolean(extras, 'cold_start_impression') }}, false) as is_cold_start,
        items_with_flag > 0 and coalesce(said_personalized <> items_personalized, false)
            as is_personalized_count_wrong,
        items_with_reasons > 0 and coalesce(said_reasons <> items_explained, false)
            as is_reason_count_wrong,

        -- arrays
        {{ typed_elements('elements', {
            'item_id': json_string('item', 'item_id'),
            'rank': 'coalesce(' ~ json_number('item', 'rank') ~ ', place)',
            'brand': json_string('item', 'brand'),
            'category': json_string('item', 'category'),
        }) }} as items,
        {{ json_named_numbers('fields', 'candidate_sources', 'count') }} as candidate_sources,

        -- documents
        payload,

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
