{#- Served items in order of time, in full blocks of 1,000 within a cell of blend_weights_daily. -#}
with

responses as (
    select * from {{ ref('int_responses') }}
),

response_items as (
    select * from {{ ref('int_response_items') }}
),

placed as (
    select
        responses.day,
        responses.experiment_key,
        responses.variation,
        responses.namespace,
        responses.surface,
        responses.user_type,
        responses.device,
        response_items.item_id,
        row_number() over (
            partition by
                responses.day, responses.experiment_key, responses.variation,
                responses.namespace, responses.surface, responses.user_type, responses.device
            order by
                responses.created_at, {{ byte_order('responses.trace_id') }},
                response_items.rank, {{ byte_order('response_items.item_id') }}
        ) as place
    from response_items
    inner join responses
        on
            response_items.trace_id = responses.trace_id
            and response_items.day = responses.day
),

final as (
    select
        day,
        experiment_key,
        variation,
        namespace,
        surface,
        user_type,
        device,
        floor((place - 1) / 1000.0) as block,
        count(distinct item_id) as distinct_items
    from placed
    group by
        day, experiment_key, variation, namespace, surface, user_type, device,
        floor((place - 1) / 1000.0)
    having count(*) = 1000
)

select * from final
