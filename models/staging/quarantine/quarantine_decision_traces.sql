{{ config(alias='decision_traces') }}

with

staged as (
    select * from {{ ref('stg_decision_traces') }}
),

final as (
    select
        trace_id,
        namespace,
        surface,
        user_id,
        created_at,
        payload,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
