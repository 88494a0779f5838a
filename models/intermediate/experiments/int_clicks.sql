{{ config(
    materialized='incremental',
    incremental_strategy='replace_days',
    post_hook='{{ log_mart_build() }}',
) }}
{#- A click counts once per impression: of those of one user, response and item the earliest. -#}
{%- set recompute = days_to_recompute([
    changed_rows('int_shop_events_ledger', where="changed.event_name = 'click'"),
    changed_clicks(first='twins.day'),
]) -%}

with

shop_events as (
    select * from {{ ref('int_shop_events') }}
    where event_name = 'click'
),

clicks as (
    select * from shop_events
    where {{ in_days('day', recompute) }}
),

repeated as (
    select distinct clicks.event_id
    from clicks
    inner join shop_events as earlier
        on
            clicks.user_id = earlier.user_id
            and clicks.trace_id = earlier.trace_id
            and clicks.item_id = earlier.item_id
            and (
                clicks.created_at > earlier.created_at
                or (
                    clicks.created_at = earlier.created_at
                    and {{ byte_order('clicks.event_id') }} > {{ byte_order('earlier.event_id') }}
                )
            )
),

final as (
    select
        clicks.event_id,
        clicks.user_id,
        clicks.namespace,
        clicks.surface,
        clicks.trace_id,
        clicks.item_id,
        clicks.variant,
        clicks.created_at,
        clicks.loaded_at,
        clicks.day
    from clicks
    left join repeated on clicks.event_id = repeated.event_id
    where repeated.event_id is null
)

select * from final
