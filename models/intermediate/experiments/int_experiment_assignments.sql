{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- A user's first arm and, should there be one, the second: with it he is mixed. -#}
{%- set recompute = stretches_to_recompute() -%}

with

ledger as (
    select * from {{ ref('int_assignments_ledger') }}
    where status = 'accepted' and {{ since_stretches(recompute) }}
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

{% if recompute.stretches -%}
known as (
    select * from {{ this }}
    where {{ before_stretches(recompute) }}
),

{% endif -%}
running as (
    select
        ledger.*,
        row_number() over (
            partition by ledger.experiment_key, ledger.user_id, ledger.variation
            order by ledger.assigned_at
        ) as repetition
    from ledger
    inner join experiments on ledger.experiment_key = experiments.experiment_key
    where
        {{ in_stretches(recompute, 'ledger.day', 'ledger.experiment_key') }}
        and ledger.assigned_at >= experiments.started_at
        and (experiments.ended_at is null or ledger.assigned_at < experiments.ended_at)
),

assigned as (
    select
        experiment_key,
        user_id,
        variation,
        assigned_at,
        loaded_at
    from running
    where repetition = 1
),

fresh as (
    select
        assigned.*,
        {{ 'count(known.place)' if recompute.stretches else '0' }} as known_places
    from assigned
    {%- if recompute.stretches %}
    left join known
        on assigned.experiment_key = known.experiment_key and assigned.user_id = known.user_id
    group by
        assigned.experiment_key, assigned.user_id, assigned.variation, assigned.assigned_at,
        assigned.loaded_at
    having count(case when assigned.variation = known.variation then 1 end) = 0
    {%- endif %}
),

placed as (
    select
        *,
        known_places + row_number() over (
            partition by experiment_key, user_id
            order by assigned_at, {{ byte_order('variation') }}
        ) as place
    from fresh
),

final as (
    select
        experiment_key,
        user_id,
        variation,
        assigned_at,
        cast(place as bigint) as place,
        loaded_at,
        {{ local_day('assigned_at') }} as day
    from placed
    where place <= 2
)

select * from final
