{%- set recompute = days_to_recompute(changed_logged_events()) -%}
{%- set cell = [
    'day', 'experiment_key', 'variation', 'namespace', 'surface', 'user_type', 'device',
] -%}

with

responses as (
    select * from {{ ref('int_responses') }}
    where {{ in_days('day', recompute) }}
),

events as (
    select * from {{ ref('int_logged_events') }}
    where {{ in_days('day', recompute) }}
),

blocks as (
    select * from {{ ref('int_coverage_blocks') }}
    where {{ in_days('day', recompute) }}
),

answered as (
    select
        {{ listed(cell, '{}') }},
        {{ response_measures() }},
        sum(unavailable_items) as unavailable_items,
        max(loaded_at) as loaded_through
    from responses
    group by {{ cell | join(', ') }}
),

done as (
    select
        {{ listed(cell, '{}') }},
        count(case when event_name = 'impression' then 1 end) as impressions,
        count(case when event_name = 'click' then 1 end) as clicks,
        count(case when event_name = 'add_to_cart' then 1 end) as adds,
        count(case when event_name = 'purchase' then 1 end) as purchases,
        sum(case when event_name = 'purchase' then revenue end) as revenue,
        max(loaded_at) as loaded_through
    from events
    group by {{ cell | join(', ') }}
),

covered as (
    select
        {{ listed(cell, '{}') }},
        avg(cast(distinct_items as {{ type_double() }})) as candidate_coverage,
        count(*) as coverage_blocks
    from blocks
    group by {{ cell | join(', ') }}
),

places as (
    select {{ listed(cell, '{}') }} from answered
    union
    select {{ listed(cell, '{}') }} from done
),

counted as (
    select
        {{ listed(cell, 'places.{}') }},
        {{ listed(
            ['requests', 'served_items', 'personalized_items', 'unavailable_items'],
            'coalesce(answered.{}, 0) as {}',
        ) }},
        {{ listed(
            ['impressions', 'clicks', 'adds', 'purchases', 'revenue'],
            'coalesce(done.{}, 0) as {}',
        ) }},
        covered.candidate_coverage,
        coalesce(covered.coverage_blocks, 0) as coverage_blocks,
        greatest(answered.loaded_through, done.loaded_through) as loaded_through
    from places
    left join answered on {{ listed(cell, 'places.{} = answered.{}') | replace(',\n', ' and\n') }}
    left join done on {{ listed(cell, 'places.{} = done.{}') | replace(',\n', ' and\n') }}
    left join covered on {{ listed(cell, 'places.{} = covered.{}') | replace(',\n', ' and\n') }}
),

final as (
    select
        {{ listed(cell, '{}') }},
        requests,
        cast(served_items as bigint) as served_items,
        impressions,
        clicks,
        {{ ratio('clicks', 'impressions') }} as ctr,
        adds,
        {{ ratio('adds', 'impressions') }} as add_to_cart_rate,
        purchases,
        cast(revenue as numeric(38, 4)) as revenue,
        1000 * {{ ratio('revenue', 'impressions') }} as rpm,
        cast(personalized_items as bigint) as personalized_items,
        {{ ratio('personalized_items', 'served_items') }} as personalized_share,
        cast(unavailable_items as bigint) as unavailable_items,
        {{ ratio('unavailable_items', 'served_items') }} as out_of_stock_rate,
        candidate_coverage,
        coverage_blocks,
        loaded_through
    from counted
)

select * from final
