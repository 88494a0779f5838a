{{ config(alias='sessions') }}

with

staged as (
    select * from {{ ref('stg_sessions') }}
),

final as (
    select
        session_id,
        user_id,
        started_at,
        ended_at,
        device,
        country,
        is_bounce,
        is_crash_free,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
