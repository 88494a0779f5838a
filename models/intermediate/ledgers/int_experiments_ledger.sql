{{ version_ledger(
    staging='stg_experiments',
    columns=[
        'experiment_key', 'name', 'experiment_status', 'owner', 'source', 'primary_metric',
        'min_duration_days', 'horizon_users', 'latency_threshold_ms', 'arms', 'surfaces',
        'primary_metrics', 'guardrails', 'started_at', 'ended_at', 'updated_at',
    ],
    version_order=[
        'loaded_at', byte_order('name'), byte_order('experiment_status'), 'started_at', 'ended_at',
        byte_order('owner'), byte_order('cast(variations as ' ~ dbt.type_string() ~ ')'),
        byte_order('cast(config as ' ~ dbt.type_string() ~ ')'),
    ],
) }}
