with

responses as (
    select * from {{ ref('int_responses') }}
),

final as (
    select
        -- ids
        responses.trace_id,
        item.item_id,

        -- text
        responses.namespace,
        responses.surface,
        item.brand,
        item.category,

        -- numerics
        item.rank,
        responses.k,

        -- times
        responses.day
    from {{ each_element('responses', 'responses.items', {
        'item_id': dbt.type_string(), 'rank': type_double(), 'brand': dbt.type_string(),
        'category': dbt.type_string(),
    }) }}
)

select * from final
