{{ config(alias='catalog_items') }}

with

staged as (
    select * from {{ ref('stg_catalog_items') }}
),

final as (
    select
        item_id,
        brand,
        category,
        price,
        is_available,
        updated_at,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
