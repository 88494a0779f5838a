{{ config(
    materialized='incremental',
    incremental_strategy='replace_days',
    partition_by='day',
    on_schema_change='fail',
    post_hook='{{ log_mart_build() }}',
) }}
{%- set recompute = days_to_recompute([changed_rows('int_traces_ledger')]) -%}

with

response_items as (
    select * from {{ ref('int_response_items') }}
    where {{ in_days('day', recompute) }}
),

final as (
    select
        day,
        namespace,
        surface,
        item_id,
        brand,
        category,
        count(*) as served_items
    from response_items
    group by day, namespace, surface, item_id, brand, category
)

select * from final
