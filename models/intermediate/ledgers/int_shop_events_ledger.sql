{{ config(meta={'indexed': ['trace_id']}) }}

{{ version_ledger(
    staging='stg_shop_events',
    key='event_id',
    columns=[
        'event_name', 'namespace', 'surface', 'user_id', 'session_id', 'item_id', 'trace_id',
        'variant', 'quantity', 'revenue', 'currency', 'created_at',
    ],
    version_order=[
        'loaded_at', 'created_at', byte_order('event_name'), byte_order('namespace'),
        byte_order('surface'), byte_order('user_id'), byte_order('session_id'),
        byte_order('item_id'), byte_order('trace_id'), byte_order('variant'), 'quantity',
        'revenue', byte_order('currency'),
    ],
    settings={'surfaces': known_surfaces()},
) }}
