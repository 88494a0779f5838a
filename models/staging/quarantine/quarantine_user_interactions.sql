{{ config(alias='user_interactions') }}

with

staged as (
    select * from {{ ref('stg_user_interactions') }}
),

final as (
    select
        id,
        user_id,
        interaction_type,
        recommendation_id,
        destination_slug,
        metadata,
        created_at,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
