{{ version_ledger(
    staging='stg_experiment_assignments',
    columns=['experiment_key', 'user_id', 'variation', 'assigned_at'],
    version_order=['loaded_at'],
) }}
