-- The engagement marts as somebody would write them for this one data set: no increments, no
-- layers, one statement per result. What `make bench` holds the project against.
create schema by_hand;

create temporary table rows as
select
    *,
    row_number() over (
        partition by id, reason is null
        order by
            loaded_at desc, created_at desc, user_id desc, surface desc, experiment_key desc,
            variation desc, click_through desc, dwell_time_ms desc, recommendation_id desc,
            destination_slug desc
    ) as version
from (
    select
        m.*,
        nullif(m.metadata ->> 'session_id', '') as session_id,
        coalesce(nullif(m.metadata ->> 'country', ''), '(unknown)') as country,
        coalesce(nullif(m.metadata ->> 'city', ''), '(unknown)') as city,
        coalesce(nullif(m.metadata ->> 'category', ''), '(unknown)') as category,
        try_cast(m.metadata ->> 'personalization_score' as double) as score,
        case
            when trim(coalesce(m.id, '')) = '' then 'missing_id'
            when trim(coalesce(m.user_id, '')) = '' then 'missing_user'
            when s.surface is null then 'unknown_surface'
            when m.created_at is null then 'invalid_time'
            when m.created_at > m.loaded_at + interval '10 minutes' then 'future_time'
            when m.dwell_time_ms < 0 or m.dwell_time_ms > 86400000 then 'invalid_dwell'
        end as reason,
        cast(m.created_at at time zone 'UTC' as date) as day
    from raw.personalization_metrics as m
    left join reference.surfaces as s on m.surface = s.surface
);

create temporary table impressions as
select
    id,
    user_id,
    session_id,
    surface,
    coalesce(experiment_key, '(none)') as experiment_key,
    coalesce(variation, '(none)') as variation,
    country,
    city,
    category,
    score,
    coalesce(click_through, false) as clicked,
    dwell_time_ms,
    recommendation_id,
    destination_slug,
    created_at,
    loaded_at,
    day
from rows
where reason is null and version = 1;

create table by_hand.engagement_daily as
select
    day,
    surface,
    experiment_key,
    variation,
    country,
    count(*) as impressions,
    count(*) filter (where clicked) as clicks,
    count(*) filter (where clicked) / count(*) as ctr,
    count(dwell_time_ms) as dwell_events,
    coalesce(sum(dwell_time_ms), 0) as dwell_ms_sum,
    cast(sum(dwell_time_ms) as double) / nullif(count(dwell_time_ms), 0) as avg_dwell_ms,
    count(distinct user_id) as users,
    count(distinct session_id) as sessions,
    max(loaded_at) as loaded_through
from impressions
group by all;

create table by_hand.engagement_hourly as
select
    date_trunc('hour', created_at) as hour,
    surface,
    experiment_key,
    variation,
    count(*) as impressions,
    count(*) filter (where clicked) as clicks,
    count(*) filter (where clicked) / count(*) as ctr,
    count(dwell_time_ms) as dwell_events,
    coalesce(sum(dwell_time_ms), 0) as dwell_ms_sum,
    cast(sum(dwell_time_ms) as double) / nullif(count(dwell_time_ms), 0) as avg_dwell_ms,
    max(loaded_at) as loaded_through
from impressions
group by all;

create table by_hand.ctr_weekly as
with weekly as (
    select
        cast(date_trunc('week', day) as date) as week,
        surface,
        count(*) as impressions,
        count(*) filter (where clicked) as clicks,
        count(*) filter (where clicked) / count(*) as ctr,
        max(loaded_at) as loaded_through
    from impressions
    group by all
)

select
    w.week,
    w.surface,
    w.impressions,
    w.clicks,
    w.ctr,
    p.ctr as prev_ctr,
    w.ctr - p.ctr as wow_change,
    (w.ctr - p.ctr) / nullif(p.ctr, 0) as wow_change_relative,
    w.week + 7 <= (select max(created_at) at time zone 'UTC' from impressions) as is_complete,
    w.loaded_through
from weekly as w
left join weekly as p on w.surface = p.surface and w.week = p.week + 7;

create temporary table visits as
select
    session_id,
    cast(started_at at time zone 'UTC' as date) as day,
    loaded_at,
    row_number() over (partition by session_id order by loaded_at desc, user_id desc) as version
from raw.sessions;

create temporary table interactions as
select
    *,
    row_number() over (partition by id order by loaded_at desc, created_at desc) as version
from raw.user_interactions;

create table by_hand.session_coverage_daily as
with covered as (
    select
        v.day,
        i.surface,
        count(distinct v.session_id) as sessions,
        max(i.loaded_at) as loaded_at
    from visits as v
    inner join impressions as i on v.session_id = i.session_id
    where v.version = 1
    group by all
)

select
    t.day,
    s.surface,
    coalesce(c.sessions, 0) as sessions_with_impression,
    t.sessions as sessions_total,
    coalesce(c.sessions, 0) / t.sessions as session_coverage,
    greatest(t.loaded_at, c.loaded_at) as loaded_through
from (
    select
        day,
        count(*) as sessions,
        max(loaded_at) as loaded_at
    from visits
    where version = 1
    group by day
) as t
cross join reference.surfaces as s
left join covered as c on t.day = c.day and s.surface = c.surface
where s.has_impressions;

create table by_hand.funnel_daily as
with saves as (
    select * from interactions
    where version = 1 and interaction_type = 'save'
),

saved as (
    select
        i.id,
        max(s.loaded_at) as loaded_at
    from impressions as i
    inner join saves as s
        on
            i.user_id = s.user_id
            and i.recommendation_id = s.recommendation_id
            and s.created_at >= i.created_at
            and s.created_at < i.created_at + interval '168 hours'
    where i.clicked
    group by i.id
)

select
    i.day,
    i.surface,
    count(*) as impressions,
    count(*) filter (where i.clicked) as clicks,
    count(s.id) as saves,
    count(*) filter (where i.clicked) / count(*) as click_rate,
    count(s.id) / nullif(count(*) filter (where i.clicked), 0) as save_rate,
    greatest(max(i.loaded_at), max(s.loaded_at)) as loaded_through
from impressions as i
left join saved as s on i.id = s.id
group by i.day, i.surface;

create table by_hand.dwell_histogram_daily as
select
    i.day,
    i.surface,
    b.bucket,
    b.bucket_lower_ms,
    b.bucket_upper_ms,
    count(*) as events,
    max(i.loaded_at) as loaded_through
from impressions as i
inner join
    (values
        ('0-1s', 0, 1000), ('1-2s', 1000, 2000), ('2-5s', 2000, 5000), ('5-10s', 5000, 10000),
        ('10-20s', 10000, 20000), ('20-30s', 20000, 30000), ('30-60s', 30000, 60000),
        ('1-2m', 60000, 120000), ('2-5m', 120000, 300000), ('5-10m', 300000, 600000),
        ('10-30m', 600000, 1800000), ('30-60m', 1800000, 3600000), ('60m+', 3600000, null)
    ) as b (bucket, bucket_lower_ms, bucket_upper_ms)
    on i.dwell_time_ms >= b.bucket_lower_ms
    and i.dwell_time_ms < coalesce(b.bucket_upper_ms, 100000000)
group by all;

create table by_hand.dwell_percentiles_daily as
select
    day,
    surface,
    count(*) as events,
    quantile_cont(cast(dwell_time_ms as double), 0.5) as p50,
    quantile_cont(cast(dwell_time_ms as double), 0.9) as p90,
    quantile_cont(cast(dwell_time_ms as double), 0.95) as p95,
    quantile_cont(cast(dwell_time_ms as double), 0.99) as p99,
    max(loaded_at) as loaded_through
from impressions
where dwell_time_ms is not null
group by all;

create table by_hand.payload_quality_daily as
select
    day,
    surface,
    a.attribute,
    a.value,
    count(*) as impressions,
    count(*) filter (where clicked) as clicks,
    count(*) filter (where clicked) / count(*) as ctr,
    count(dwell_time_ms) as dwell_events,
    coalesce(sum(dwell_time_ms), 0) as dwell_ms_sum,
    cast(sum(dwell_time_ms) as double) / nullif(count(dwell_time_ms), 0) as avg_dwell_ms,
    max(loaded_at) as loaded_through
from impressions
cross join lateral (values
    ('category', category),
    ('city', city),
    (
        'personalization_score',
        case
            when score is null then '(unknown)'
            when score < 0 or score > 1 then '(out of range)'
            when score >= 0.9 then '0.9-1.0'
            else floor(score * 10 + 1e-9) / 10 || '-' || floor(score * 10 + 1 + 1e-9) / 10
        end
    )
) as a (attribute, value)
group by all;

create table by_hand.data_quality_daily as
select
    cast(loaded_at at time zone 'UTC' as date) as day,
    source_table,
    reason,
    count(*) as rows,
    max(loaded_at) as loaded_through
from (
    select
        'personalization_metrics' as source_table,
        loaded_at,
        coalesce(reason, if(version = 1, 'accepted', 'duplicate')) as reason
    from rows
    union all
    select
        'sessions' as source_table,
        loaded_at,
        if(version = 1, 'accepted', 'duplicate') as reason
    from visits
    union all
    select
        'user_interactions' as source_table,
        loaded_at,
        if(version = 1, 'accepted', 'duplicate') as reason
    from interactions
)
group by all;
