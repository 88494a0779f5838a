{{ version_ledger(
    staging='stg_user_interactions',
    key='id',
    columns=['user_id', 'interaction_type', 'recommendation_id', 'destination_slug', 'created_at'],
    version_order=[
        'loaded_at', 'created_at', byte_order('user_id'), byte_order('interaction_type'),
        byte_order('recommendation_id'), byte_order('destination_slug'),
    ],
) }}
