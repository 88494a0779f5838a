{{ version_ledger(
    staging='stg_rejected_rows',
    columns=['source_table'],
    version_order=['loaded_at'],
) }}
