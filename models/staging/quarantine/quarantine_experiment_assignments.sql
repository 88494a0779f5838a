{{ config(alias='experiment_assignments') }}

with

staged as (
    select * from {{ ref('stg_experiment_assignments') }}
),

final as (
    select
        experiment_key,
        user_id,
        variation,
        assigned_at,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
