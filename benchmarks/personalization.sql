-- The marts of personalization as somebody would write them for this one data set: no increments,
-- no layers, no checks of types, the JSON read once. What `make bench` holds the project against.
create schema by_hand;

create temporary table traces as
select * exclude (version)
from (
    select
        trace_id,
        namespace,
        surface,
        user_id,
        created_at,
        loaded_at,
        cast(created_at at time zone 'UTC' as date) as day,
        from_json(
            payload,
            '{"k": "DOUBLE", "device": "VARCHAR", "user_type": "VARCHAR", "items": [{
                "item_id": "VARCHAR", "rank": "DOUBLE", "brand": "VARCHAR", "category": "VARCHAR",
                "personalized": "BOOLEAN", "available": "BOOLEAN", "reasons": ["VARCHAR"]
            }], "candidate_sources": "MAP(VARCHAR, STRUCT(count DOUBLE))",
            "extras": {"cold_start_impression": "BOOLEAN"}}'
        ) as p,
        row_number() over (partition by trace_id order by loaded_at desc, created_at desc) as version
    from raw.decision_traces
)
where version = 1;

create temporary table items as
select
    trace_id,
    day,
    namespace,
    surface,
    p.k as k,
    unnest(p.items, recursive := true)
from traces;

create table by_hand.personalization_intraday as
select
    time_bucket(interval '5 minutes', created_at) as bucket_start,
    namespace,
    surface,
    count(*) as requests,
    cast(sum(len(p.items)) as bigint) as served_items,
    cast(sum(len(list_filter(p.items, lambda item: item.personalized))) as bigint)
        as personalized_items,
    cast(sum(len(list_filter(p.items, lambda item: len(item.reasons) > 0))) as bigint)
        as reason_items
from traces
group by bucket_start, namespace, surface;

create temporary table lists as
select
    *,
    row_number() over () as list_id
from (
    select
        day,
        namespace,
        surface,
        user_id,
        arg_max(trace_id, (created_at, trace_id)) as trace_id,
        arg_max(p.user_type, (created_at, trace_id)) as user_type,
        arg_max(p.device, (created_at, trace_id)) as device
    from traces
    group by day, namespace, surface, user_id
);

create temporary table list_items as
select distinct
    lists.list_id,
    hash(items.item_id) as item
from items
inner join lists on items.trace_id = lists.trace_id
where items.rank <= items.k;

create temporary table members as
select
    *,
    dense_rank() over (order by day, namespace, surface, cohort_type, cohort) as group_id,
    row_number() over (
        partition by day, namespace, surface, cohort_type, cohort
        order by md5(user_id || day)
    ) - 1 as place,
    count(*) over (partition by day, namespace, surface, cohort_type, cohort) as users
from (
    select *, 'all' as cohort_type, 'all' as cohort from lists
    union all
    select *, 'user_type' as cohort_type, user_type as cohort from lists
    union all
    select *, 'device' as cohort_type, device as cohort from lists
)
inner join (select list_id, count(*) as size from list_items group by list_id) using (list_id);

-- Each user with the next fifty; every pair where there are at most 2,000.
create temporary table pairs as
select
    a.group_id,
    a.list_id as list_a,
    b.list_id as list_b,
    a.size + b.size as sizes
from (
    select group_id, list_id, size, users, place, unnest(range(1, if(users <= 2000, users, 51))) as step
    from members
) as a
inner join members as b
    on
        a.group_id = b.group_id
        and b.place = if(a.users <= 2000, a.place + a.step, (a.place + a.step) % a.users);

-- In the order written: the planner would join all lists with all others first.
set disabled_optimizers = 'join_order';

create temporary table intersections as
select
    pairs.group_id,
    pairs.list_a,
    pairs.list_b,
    count(*) / (any_value(pairs.sizes) - count(*)) as jaccard
from pairs
inner join list_items as x on pairs.list_a = x.list_id
inner join list_items as y on pairs.list_b = y.list_id and x.item = y.item
group by pairs.group_id, pairs.list_a, pairs.list_b;

reset disabled_optimizers;

create table by_hand.topk_overlap_daily as
with all_pairs as (
    select
        pairs.group_id,
        coalesce(intersections.jaccard, 0) as jaccard
    from pairs
    left join intersections using (group_id, list_a, list_b)
),

summarised as (
    select
        group_id,
        count(*) as pairs,
        avg(jaccard) as mean,
        quantile_cont(jaccard, 0.5) as p50,
        quantile_cont(jaccard, 0.9) as p90,
        quantile_cont(jaccard, 0.95) as p95,
        quantile_cont(jaccard, 0.99) as p99
    from all_pairs
    group by group_id
)

select distinct
    members.day,
    members.namespace,
    members.surface,
    members.cohort_type,
    members.cohort,
    summarised.* exclude (group_id)
from members
inner join summarised using (group_id);

create table by_hand.candidate_sources_daily as
with drawn as (
    select
        day,
        namespace,
        surface,
        trace_id,
        created_at,
        unnest(map_entries(p.candidate_sources)) as entry
    from traces
),

islands as (
    select
        *,
        entry.key as source,
        entry.value.count as candidates,
        count_if(entry.value.count <> 0) over (
            partition by day, namespace, surface, entry.key
            order by created_at, trace_id
            rows between unbounded preceding and current row
        ) as island
    from drawn
),

streaks as (
    select
        day,
        namespace,
        surface,
        source,
        island,
        count(*) as requests,
        count_if(candidates = 0) as zeros,
        sum(candidates) as candidates
    from islands
    group by all
)

select
    day,
    namespace,
    surface,
    source,
    cast(sum(requests) as bigint) as requests,
    cast(sum(zeros) as bigint) as zero_requests,
    sum(candidates) as count_sum,
    max(zeros) as longest_zero_streak,
    arg_max(zeros, island) as trailing_zero_streak
from streaks
group by day, namespace, surface, source;

create table by_hand.personalization_daily as
with measures as (
    select
        day,
        namespace,
        surface,
        count(*) as requests,
        cast(sum(len(p.items)) as bigint) as served_items,
        cast(sum(len(list_filter(p.items, lambda item: item.personalized))) as bigint)
            as personalized_items,
        cast(sum(len(list_filter(p.items, lambda item: len(item.reasons) > 0))) as bigint)
            as reason_items,
        count_if(p.extras.cold_start_impression) as cold_start_requests,
        cast(sum(len(list_filter(p.items, lambda item: not item.available))) as bigint)
            as unavailable_items
    from traces
    group by day, namespace, surface
),

labelled as (
    select
        items.day,
        items.namespace,
        items.surface,
        coalesce(items.brand, catalog.brand, '(unknown)') as brand,
        coalesce(items.category, catalog.category, '(unknown)') as category
    from items
    left join raw.catalog_items as catalog on items.item_id = catalog.item_id
),

brands as (
    select day, namespace, surface, entropy(brand) as brand_entropy
    from labelled
    group by day, namespace, surface
),

categories as (
    select day, namespace, surface, entropy(category) as category_entropy
    from labelled
    group by day, namespace, surface
),

events as (
    select
        cast(created_at at time zone 'UTC' as date) as day,
        namespace,
        surface,
        count_if(event_name = 'impression') as impressions,
        count_if(event_name = 'click') as clicks
    from raw.shop_events
    group by all
)

select
    measures.*,
    lists_overlap.mean as catalog_overlap_pct,
    lists_overlap.pairs as overlap_pairs,
    brands.brand_entropy,
    categories.category_entropy,
    events.impressions,
    events.clicks
from measures
left join (
    select * from by_hand.topk_overlap_daily
    where cohort_type = 'all'
) as lists_overlap using (day, namespace, surface)
left join brands using (day, namespace, surface)
left join categories using (day, namespace, surface)
left join events using (day, namespace, surface);
