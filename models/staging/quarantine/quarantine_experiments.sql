{{ config(alias='experiments') }}

with

staged as (
    select * from {{ ref('stg_experiments') }}
),

final as (
    select
        experiment_key,
        name,
        experiment_status as status,
        variations,
        started_at,
        ended_at,
        config,
        owner,
        updated_at,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
