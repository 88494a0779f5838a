{{ config(alias='personalization_settings') }}

with

staged as (
    select * from {{ ref('stg_personalization_settings') }}
),

final as (
    select
        user_id,
        personalization_enabled,
        data_sharing_consent,
        updated_at,
        loaded_at,
        refused_reason as reason
    from staged
    where refused_reason is not null
)

select * from final
