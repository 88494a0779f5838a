{{ version_ledger(
    staging='stg_sessions',
    key='session_id',
    columns=[
        'user_id', 'started_at', 'ended_at', 'device', 'country', 'is_bounce', 'is_crash_free',
    ],
    version_order=[
        'loaded_at', byte_order('user_id'), 'started_at', 'ended_at', byte_order('device'),
        byte_order('country'), 'is_bounce', 'is_crash_free',
    ],
) }}
