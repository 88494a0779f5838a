{{ config(alias='personalization_metrics') }}

with

staged as (
    select * from {{ ref('stg_personalization_metrics') }}
),

final as (
    select
        id,
        user_id,
        surface,
        experiment_key,
        variation,
        click_through,
        dwell_time_ms,
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
