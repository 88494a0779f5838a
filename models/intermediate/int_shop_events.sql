with

ledger as (
    select * from {{ ref('int_shop_events_ledger') }}
),

final as (
    select
        -- ids
        row_key as event_id,
        user_id,
        session_id,
        item_id,
        trace_id,

        -- text
        event_name,
        namespace,
        surface,
        variant,
        currency,

        -- numerics
        quantity,
        revenue,

        -- times
        created_at,
        loaded_at,
        day
    from ledger
    where status = 'accepted'
)

select * from final
