{{ version_ledger(
    staging='stg_decision_traces',
    key='trace_id',
    columns=[
        'namespace', 'surface', 'user_id', 'segment_id', 'device', 'user_type', 'experiment_key',
        'experiment_variant', 'k', 'latency_ms', 'served_items', 'personalized_items',
        'reason_items', 'unavailable_items', 'is_cold_start', 'is_personalized_count_wrong',
        'is_reason_count_wrong', 'items', 'candidate_sources', 'created_at',
    ],
    version_order=[
        'loaded_at', 'created_at', byte_order('namespace'), byte_order('surface'),
        byte_order('user_id'), 'served_items', 'personalized_items', 'reason_items',
        'unavailable_items', 'is_cold_start', 'latency_ms', 'k', byte_order('user_type'),
        byte_order('device'), byte_order('segment_id'), byte_order('experiment_key'),
        byte_order('experiment_variant'), content_order('items'),
        content_order('candidate_sources'),
    ],
    settings={'surfaces': known_surfaces()},
) }}
