{#- What can expose a user to an experiment: `precedence` decides between rows of one instant. -#}
with

impressions as (
    select * from {{ ref('int_impressions') }}
),

responses as (
    select * from {{ ref('int_responses') }}
),

shop_events as (
    select * from {{ ref('int_shop_events') }}
),

final as (
    select
        'personalization_metrics' as source,
        user_id,
        surface,
        3 as precedence,
        id as row_id,
        cast(null as {{ dbt.type_string() }}) as trace_id,
        cast(null as {{ dbt.type_string() }}) as user_type,
        device,
        nullif(country, '(unknown)') as country,
        created_at,
        loaded_at,
        day
    from impressions
    union all
    select
        'shop_events' as source,
        user_id,
        surface,
        1 as precedence,
        trace_id as row_id,
        trace_id,
        nullif(user_type, '(unknown)') as user_type,
        nullif(device, '(unknown)') as device,
        cast(null as {{ dbt.type_string() }}) as country,
        created_at,
        loaded_at,
        day
    from responses
    union all
    select
        'shop_events' as source,
        user_id,
        surface,
        2 as precedence,
        event_id as row_id,
        trace_id,
        cast(null as {{ dbt.type_string() }}) as user_type,
        cast(null as {{ dbt.type_string() }}) as device,
        cast(null as {{ dbt.type_string() }}) as country,
        created_at,
        loaded_at,
        day
    from shop_events
    where event_name = 'impression'
)

select * from final
