{#- A change of the catalogue touches the days on which a response left its item without a brand or
    a category. -#}
{%- set looked_up = "inner join " ~ ref('int_served_items_daily') ~ " as served"
    ~ " on changed.row_key = served.item_id"
    ~ " and (served.brand is null or served.category is null)" -%}
{%- set recompute = days_to_recompute(
    [
        changed_rows('int_traces_ledger', via=['topk_overlap_daily', 'int_served_items_daily']),
        changed_rows(
            'int_shop_events_ledger', where="changed.event_name in ('impression', 'click')"
        ),
        changed_rows(
            'int_catalog_ledger',
            first='served.day',
            join=looked_up,
            columns=['brand', 'category'],
        ),
    ],
    settings=overlap_settings(),
) -%}

with

responses as (
    select * from {{ ref('int_responses') }}
    where {{ in_days('day', recompute) }}
),

served as (
    select * from {{ ref('int_served_items_daily') }}
    where {{ in_days('day', recompute) }}
),

list_overlap as (
    select * from {{ ref('topk_overlap_daily') }}
    where {{ in_days('day', recompute) }} and cohort_type = 'all'
),

shop_events as (
    select * from {{ ref('int_shop_events') }}
    where {{ in_days('day', recompute) }} and event_name in ('impression', 'click')
),

catalog as (
    select * from {{ ref('int_catalog') }}
),

answered as (
    select
        day,
        namespace,
        surface,
        {{ response_measures() }},
        count(case when is_cold_start then 1 end) as cold_start_requests,
        {{ ratio('count(case when is_cold_start then 1 end)', 'count(*)') }} as cold_start_rate,
        cast(sum(unavailable_items) as bigint) as unavailable_items,
        {{ ratio('sum(unavailable_items)', 'sum(served_items)') }} as out_of_stock_rate,
        max(loaded_at) as loaded_through
    from responses
    group by day, namespace, surface
),

labelled as (
    select
        served.day,
        served.namespace,
        served.surface,
        coalesce(served.brand, catalog.brand, '(unknown)') as brand,
        coalesce(served.category, catalog.category, '(unknown)') as category,
        served.served_items
    from served
    left join catalog on served.item_id = catalog.item_id
),

{%- for attribute in ['brand', 'category'] %}

{{ attribute }}_counts as (
    select
        day,
        namespace,
        surface,
        sum(served_items) as served_items,
        sum(sum(served_items)) over (partition by day, namespace, surface) as all_items
    from labelled
    group by day, namespace, surface, {{ attribute }}
),

{{ attribute }}_entropies as (
    select
        day,
        namespace,
        surface,
        count(*) as value_count,
        {{ entropy_bits('served_items', 'all_items') }} as bits
    from {{ attribute }}_counts
    group by day, namespace, surface
),
{%- endfor %}

seen as (
    select
        day,
        namespace,
        surface,
        count(case when event_name = 'impression' then 1 end) as impressions,
        count(case when event_name = 'click' then 1 end) as clicks,
        max(loaded_at) as loaded_through
    from shop_events
    group by day, namespace, surface
),

places as (
    select
        day,
        namespace,
        surface
    from answered
    union
    select
        day,
        namespace,
        surface
    from seen
),

final as (
    select
        places.day,
        places.namespace,
        places.surface,
        {%- for measure in [
            'requests', 'served_items', 'personalized_items', 'reason_items',
            'cold_start_requests', 'unavailable_items',
        ] %}
        coalesce(answered.{{ measure }}, 0) as {{ measure }},
        {%- endfor %}
        answered.personalized_impression_rate,
        answered.reason_coverage_rate,
        answered.cold_start_rate,
        answered.out_of_stock_rate,
        list_overlap.mean as catalog_overlap_pct,
        list_overlap.stderr as overlap_stderr,
        coalesce(list_overlap.pairs, 0) as overlap_pairs,
        {%- for attribute in ['brand', 'category'] %}
        {{ attribute }}_entropies.bits as {{ attribute }}_entropy,
        {{ ratio(
            attribute ~ '_entropies.bits',
            'ln(' ~ attribute ~ '_entropies.value_count) / ln(2)',
        ) }} as {{ attribute }}_entropy_normalized,
        {%- endfor %}
        coalesce(seen.clicks, 0) as clicks,
        coalesce(seen.impressions, 0) as impressions,
        {{ ratio('coalesce(seen.clicks, 0)', 'coalesce(seen.impressions, 0)') }} as ctr,
        greatest(answered.loaded_through, seen.loaded_through) as loaded_through
    from places
    {% for part in ['answered', 'list_overlap', 'brand_entropies', 'category_entropies', 'seen'] -%}
    left join {{ part }}
        on
            places.day = {{ part }}.day
            and places.namespace = {{ part }}.namespace
            and places.surface = {{ part }}.surface
    {% endfor %}
)

select * from final
