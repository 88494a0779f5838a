{#- What users do, as measures: one row per event. A surface of null stands for an event that counts
    wherever it happens. A visit lasts `until`; everything else happens at once. -#}
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

clicks as (
    select * from {{ ref('int_clicks') }}
),

saves as (
    select * from {{ ref('int_saves') }}
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

final as (
    select
        'personalization_metrics' as source,
        user_id,
        surface,
        created_at as at,
        created_at as until,
        day,
        day as last_day,
        loaded_at,
        cast(null as {{ type_double() }}) as latency_ms,
        {{- measures_of_event({
            'impressions': '1', 'clicks': 'case when is_clicked then 1 end',
            'dwell_ms': 'dwell_time_ms', 'dwell_events': 'case when dwell_time_ms is not null then 1 end',
        }) }}
    from impressions
    union all
    select
        'shop_events' as source,
        user_id,
        surface,
        created_at as at,
        created_at as until,
        day,
        day as last_day,
        loaded_at,
        cast(null as {{ type_double() }}) as latency_ms,
        {{- measures_of_event({
            'impressions': "case when event_name = 'impression' then 1 end",
            'adds': "case when event_name = 'add_to_cart' then 1 end",
            'revenue': "case when event_name = 'purchase' then revenue end",
        }) }}
    from shop_events
    where event_name <> 'click'
    union all
    select
        'shop_events' as source,
        user_id,
        surface,
        created_at as at,
        created_at as until,
        day,
        day as last_day,
        loaded_at,
        cast(null as {{ type_double() }}) as latency_ms,
        {{- measures_of_event({'clicks': '1'}) }}
    from clicks
    union all
    select
        'shop_events' as source,
        user_id,
        cast(null as {{ dbt.type_string() }}) as surface,
        created_at as at,
        created_at as until,
        day,
        day as last_day,
        loaded_at,
        cast(null as {{ type_double() }}) as latency_ms,
        {{- measures_of_event({'revenue_anywhere': 'revenue'}) }}
    from shop_events
    where event_name = 'purchase'
    union all
    select
        'shop_events' as source,
        user_id,
        surface,
        created_at as at,
        created_at as until,
        day,
        day as last_day,
        loaded_at,
        latency_ms,
        {{- measures_of_event({
            'served_items': 'served_items', 'personalized_items': 'personalized_items',
            'unavailable_items': 'unavailable_items',
            'timed_responses': 'case when latency_ms is not null then 1 end',
            'slow_responses': 'case when latency_ms > 200 then 1 end',
        }) }}
    from responses
    union all
    select
        'any' as source,
        user_id,
        cast(null as {{ dbt.type_string() }}) as surface,
        created_at as at,
        created_at as until,
        day,
        day as last_day,
        loaded_at,
        cast(null as {{ type_double() }}) as latency_ms,
        {{- measures_of_event({'saves': '1'}) }}
    from saves
    union all
    select
        'any' as source,
        user_id,
        cast(null as {{ dbt.type_string() }}) as surface,
        started_at as at,
        greatest(started_at, ended_at) as until,
        day,
        greatest(day, {{ local_day('ended_at') }}) as last_day,
        loaded_at,
        cast(null as {{ type_double() }}) as latency_ms,
        {{- measures_of_event({
            'judged_sessions': 'case when is_bounce is not null then 1 end',
            'bounced_sessions': 'case when is_bounce then 1 end',
            'watched_sessions': 'case when is_crash_free is not null then 1 end',
            'crash_free_sessions': 'case when is_crash_free then 1 end',
        }) }}
    from sessions
)

select * from final
