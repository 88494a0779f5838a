with

ledger as (
    select * from {{ ref('int_interactions_ledger') }}
),

final as (
    select
        -- ids
        row_key as id,
        user_id,
        recommendation_id,
        destination_slug,

        -- times
        created_at,
        loaded_at,
        day
    from ledger
    where status = 'accepted' and interaction_type = 'save'
)

select * from final
