with

raw_items as (
    select * from {{ source('raw', 'catalog_items') }}
),

validated as (
    select
        *,
        case
            when {{ is_blank('item_id') }} then 'missing_id'
            when {{ is_invalid_time('updated_at') }} then 'invalid_time'
            when {{ is_future_time('updated_at') }} then 'future_time'
        end as refused_reason
    from raw_items
),

final as (
    select
        -- ids
        {{ row_key('item_id') }} as row_key,
        item_id,

        -- text
        {{ blank_to_null('brand') }} as brand,
        {{ blank_to_null('category') }} as category,

        -- numerics
        price,

        -- booleans
        is_available,

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
