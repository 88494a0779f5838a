{{ config(
    materialized='incremental',
    incremental_strategy='append',
    partition_by='batch',
    on_schema_change='fail',
    post_hook='{{ log_mart_build() }}',
) }}
{#- Which ledgers tell of users, and the source of the experiments that they matter to. -#}
{%- set streams = [
    {'ledger': 'int_impressions_ledger', 'source': 'personalization_metrics', 'last': 'day'},
    {'ledger': 'int_shop_events_ledger', 'source': 'shop_events', 'last': 'day'},
    {'ledger': 'int_traces_ledger', 'source': 'shop_events', 'last': 'day'},
    {'ledger': 'int_interactions_ledger', 'source': 'any', 'last': 'day'},
    {
        'ledger': 'int_sessions_ledger', 'source': 'any',
        'last': 'greatest(day, ' ~ local_day('ended_at') ~ ')',
    },
] -%}
{#- Rows that are logged under an experiment matter to its health, assigned or not. -#}
{%- set logged = ['int_impressions_ledger', 'int_traces_ledger'] -%}
{%- set ledgers = streams | map(attribute='ledger') | list
    + ['int_assignments_ledger', 'int_experiments_ledger'] -%}
{%- set note = changes_to_take_in(ledgers, via={'int_shop_events_ledger': ['int_clicks']}) -%}
{%- set reach = (var('cuped_window_days') | int) + 2 -%}

-- depends_on: {{ ref('int_clicks') }}
{{ build_note(note) }}
with

experiments as (
    select * from {{ ref('int_experiments') }}
),

versions as (
    select * from {{ ref('int_experiments_ledger') }}
),

assignment_rows as (
    select * from {{ ref('int_assignments_ledger') }}
),

assignments as (
    select
        experiment_key,
        user_id,
        day
    from assignment_rows
    where status = 'accepted'
),

{# An index or statistics on the batch find these rows, however long the history. #}
{% for stream in streams -%}
changed_{{ stream.ledger }} as (
    select distinct
        user_id,
        '{{ stream.source }}' as source,
        day as first_day,
        {{ stream.last }} as last_day
    from {{ ref(stream.ledger) }}
    where {{ newly_changed(stream.ledger, note) }}
),

{% endfor -%}
{# An event takes from its response what it lacks itself, on whatever days the two lie. #}
answered as (
    select distinct
        events.user_id,
        'shop_events' as source,
        events.day as first_day,
        events.day as last_day
    from (
        select row_key from {{ ref('int_traces_ledger') }}
        where {{ newly_changed('int_traces_ledger', note) }}
    ) as changed
    inner join {{ ref('int_shop_events_ledger') }} as events on changed.row_key = events.trace_id
    where events.status = 'accepted'
),

people as (
    {%- for stream in streams %}
    select * from changed_{{ stream.ledger }}
    union all
    {%- endfor %}
    select * from answered
),

touched as (
    select
        assignments.experiment_key,
        min(greatest(people.first_day, assignments.day)) as day
    from people
    inner join assignments
        on
            people.user_id = assignments.user_id
            and people.last_day >= cast(assignments.day - interval '{{ reach }} days' as date)
    inner join experiments on assignments.experiment_key = experiments.experiment_key
    where
        people.source in (experiments.source, 'any')
        and (
            experiments.ended_at is null
            or people.first_day <= {{ local_day('experiments.ended_at') }}
        )
    group by assignments.experiment_key
),

assigned as (
    select
        experiment_key,
        min(day) as day
    from assignment_rows
    where {{ newly_changed('int_assignments_ledger', note) }}
    group by experiment_key
),

{% for ledger in logged -%}
logged_in_{{ ledger }} as (
    select
        experiment_key,
        min(day) as day
    from {{ ref(ledger) }}
    where {{ newly_changed(ledger, note) }} and experiment_key is not null
    group by experiment_key
),

{% endfor -%}
{# A version that came or went may move the start: all of it, from any start it ever had. #}
replanned as (
    select
        experiment_key,
        {{ local_day('min(started_at)') }} as day
    from versions
    where
        experiment_key in (
            select changed.experiment_key from versions as changed
            where {{ newly_changed('int_experiments_ledger', note) }}
        )
    group by experiment_key
),

final as (
    select
        experiment_key,
        min(day) as day,
        cast({{ note.batch }} as bigint) as batch
    from (
        select * from touched
        union all
        select * from assigned
        {%- for ledger in logged %}
        union all
        select * from logged_in_{{ ledger }}
        {%- endfor %}
        union all
        select * from replanned
    ) as changes
    where day is not null and experiment_key is not null
    group by experiment_key
)

select * from final
