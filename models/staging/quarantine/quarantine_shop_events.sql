{{ config(alias='shop_events') }}

with

staged as (
    select * from {{ ref('stg_shop_events') }}
),

final as (
    select
        event_id,
        event_name,
        namespace,
        surface,
        user_id,
        session_id,
        item_id,
        trace_id,
        variant,
        quantity,
        revenue,
        currency,
        created_at,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
