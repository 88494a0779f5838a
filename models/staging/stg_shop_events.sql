with

raw_events as (
    select * from {{ source('raw', 'shop_events') }}
),

surfaces as (
    select * from {{ ref('surfaces') }}
),

validated as (
    select
        raw_events.*,
        case
            when {{ is_blank('event_id') }} then 'missing_id'
            when {{ is_blank('user_id') }} then 'missing_user'
            -- What is bought need not have been bought on a surface.
            when
                surfaces.surface is null
                and not (
                    {{ is_blank('raw_events.surface') }}
                    and coalesce(raw_events.event_name, '') in ('add_to_cart', 'purchase')
                )
                then 'unknown_surface'
            when
                coalesce(raw_events.event_name, '')
                not in ('impression', 'click', 'add_to_cart', 'purchase')
                then 'unknown_event'
            when {{ is_invalid_time('created_at') }} then 'invalid_time'
            when {{ is_future_time('created_at') }} then 'future_time'
        end as refused_reason
    from raw_events
    left join surfaces on raw_events.surface = surfaces.surface
),

final as (
    select
        -- ids
        {{ row_key('event_id') }} as row_key,
        event_id,
        user_id,
        {{ blank_to_null('session_id') }} as session_id,
        {{ blank_to_null('item_id') }} as item_id,
        {{ blank_to_null('trace_id') }} as trace_id,

        -- text
        event_name,
        coalesce({{ blank_to_null('namespace') }}, 'default') as namespace,
        coalesce({{ blank_to_null('surface') }}, '(unknown)') as surface,
        {{ blank_to_null('variant') }} as variant,
        {{ blank_to_null('currency') }} as currency,

        -- numerics
        quantity,
        revenue,

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
