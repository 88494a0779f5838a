with

ledger as (
    select * from {{ ref('int_traces_ledger') }}
),

final as (
    select
        -- ids
        row_key as trace_id,
        user_id,

        -- text
        namespace,
        surface,
        segment_id,
        coalesce(user_type, '(unknown)') as user_type,
        coalesce(device, '(unknown)') as device,
        coalesce(experiment_key, '(none)') as experiment_key,
        coalesce(experiment_variant, '(none)') as variation,

        -- numerics
        k,
        latency_ms,
        served_items,
        personalized_items,
        reason_items,
        unavailable_items,

        -- booleans
        is_cold_start,

        -- arrays
        items,
        candidate_sources,

        -- times
        created_at,
        loaded_at,
        day
    from ledger
    where status = 'accepted'
)

select * from final
