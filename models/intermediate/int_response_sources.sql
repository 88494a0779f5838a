with

responses as (
    select * from {{ ref('int_responses') }}
),

final as (
    select
        -- ids
        responses.trace_id,

        -- text
        responses.namespace,
        responses.surface,
        item.name as source,

        -- numerics
        item.number as candidates,

        -- times
        responses.created_at,
        responses.loaded_at,
        responses.day
    from {{ each_element('responses', 'responses.candidate_sources', {
        'name': dbt.type_string(), 'number': type_double(),
    }) }}
    {# A source that a response names without a count is one that it does not name. #}
    where item.number is not null
)

select * from final
