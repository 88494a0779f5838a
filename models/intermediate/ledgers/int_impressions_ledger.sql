{{ config(meta={'indexed': ['session_id', 'created_at']}) }}

{{ version_ledger(
    staging='stg_personalization_metrics',
    key='id',
    columns=[
        'user_id', 'surface', 'experiment_key', 'variation', 'click_through', 'dwell_time_ms',
        'recommendation_id', 'destination_slug', 'session_id', 'country', 'city', 'device',
        'category', 'personalization_score', 'created_at',
    ],
    version_order=[
        'loaded_at', 'created_at', byte_order('user_id'), byte_order('surface'),
        byte_order('experiment_key'), byte_order('variation'), 'click_through', 'dwell_time_ms',
        byte_order('recommendation_id'), byte_order('destination_slug'), byte_order('session_id'),
        byte_order('country'), byte_order('city'), byte_order('device'), byte_order('category'),
        'personalization_score',
    ],
    settings={'surfaces': known_surfaces()},
    hashed=['session_id'],
) }}
