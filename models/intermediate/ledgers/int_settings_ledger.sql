{{ version_ledger(
    staging='stg_personalization_settings',
    key='user_id',
    columns=['user_id', 'personalization_enabled', 'data_sharing_consent', 'updated_at'],
    version_order=[
        'loaded_at', 'personalization_enabled', 'data_sharing_consent', 'updated_at',
    ],
) }}
