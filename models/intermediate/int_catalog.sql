with

ledger as (
    select * from {{ ref('int_catalog_ledger') }}
),

final as (
    select
        -- ids
        row_key as item_id,

        -- text
        brand,
        category,

        -- times
        loaded_at
    from ledger
    where status = 'accepted'
)

select * from final
