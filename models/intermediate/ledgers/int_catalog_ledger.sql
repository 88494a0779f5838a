{{ version_ledger(
    staging='stg_catalog_items',
    key='item_id',
    columns=['brand', 'category', 'price', 'is_available', 'updated_at'],
    version_order=[
        'loaded_at', 'updated_at', byte_order('brand'), byte_order('category'), 'price',
        'is_available',
    ],
) }}
