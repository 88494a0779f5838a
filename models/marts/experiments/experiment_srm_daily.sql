{{ config(incremental_strategy='replace_stretches') }}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_exposures', 'int_experiment_assignments'], also=days_still_to_come()
) -%}
{%- set keys = ['experiment_key', 'variation', 'weight_period'] -%}
{%- set counts = ['assigned_users', 'exposed_users', 'mixed_users'] -%}

with

experiments as (
    select * from {{ ref('int_experiments') }}
    where {{ of_stretches(recompute) }}
),

weights as (
    select * from {{ ref('int_experiment_weights') }}
    where {{ of_stretches(recompute) }}
),

users as (
    select * from {{ ref('int_experiment_users') }}
    where {{ of_stretches(recompute) }}
),

exposures as (
    select * from {{ ref('int_experiment_exposures') }}
    where {{ of_stretches(recompute) }} and scope = '(all)'
),

exposed as (
    select
        users.experiment_key,
        users.variation,
        users.weight_period,
        users.mixed_day,
        users.mixed_loaded_at,
        exposures.day,
        exposures.loaded_at
    from exposures
    inner join users
        on exposures.experiment_key = users.experiment_key and exposures.user_id = users.user_id
    where users.mixed_day is null or users.mixed_day > exposures.day
),

{# What each user adds on which day: he leaves the counts on the day of his second arm. #}
steps as (
    {{ counted_step('users', 'assigned_day', {'assigned_users': 1}, counts, keys, 'loaded_at') }}
    union all
    {{ counted_step(
        'users', 'mixed_day', {'assigned_users': -1, 'mixed_users': 1}, counts, keys,
        'mixed_loaded_at',
    ) }}
    union all
    {{ counted_step('exposed', 'day', {'exposed_users': 1}, counts, keys, 'loaded_at') }}
    union all
    {{ counted_step(
        'exposed', 'mixed_day', {'exposed_users': -1}, counts, keys, 'mixed_loaded_at'
    ) }}
),

added as (
    select
        experiment_key,
        variation,
        weight_period,
        day,
        {{ listed(counts, 'sum({}) as {}') }},
        max(loaded_at) as loaded_through
    from steps
    group by experiment_key, variation, weight_period, day
),

{# An arm that nobody planned stands from its first user on, with a weight of 0. #}
arms as (
    select
        experiment_key,
        variation,
        weight_period,
        max(expected_weight) as expected_weight,
        min(since_day) as since_day
    from (
        select
            experiment_key,
            variation,
            weight_period,
            share_of_users as expected_weight,
            {{ local_day('from_at') }} as since_day
        from weights
        union all
        select
            experiment_key,
            variation,
            weight_period,
            0 as expected_weight,
            min(day) as since_day
        from added
        where weight_period is not null
        group by experiment_key, variation, weight_period
    ) as known_arms
    group by experiment_key, variation, weight_period
),

cells as (
    select
        arms.*,
        experiments.last_day
    from arms
    inner join experiments on arms.experiment_key = experiments.experiment_key
    where experiments.last_day >= arms.since_day
),

grid as (
    select
        cells.experiment_key,
        cells.variation,
        cells.weight_period,
        cells.expected_weight,
        calendar.day
    from {{ each_day('cells', 'cells.since_day', 'cells.last_day') }}
),

running as (
    select
        grid.experiment_key,
        grid.variation,
        grid.weight_period,
        grid.expected_weight,
        {{ listed(counts, 'sum(coalesce(added.{}, 0)) over so_far as {}') }},
        max(added.loaded_through) over so_far as loaded_through,
        grid.day
    from grid
    left join added
        on
            grid.experiment_key = added.experiment_key
            and grid.variation = added.variation
            and grid.weight_period = added.weight_period
            and grid.day = added.day
    window so_far as (
        partition by grid.experiment_key, grid.variation, grid.weight_period
        order by grid.day
        rows between unbounded preceding and current row
    )
),

final as (
    select
        experiment_key,
        variation,
        weight_period,
        cast(assigned_users as bigint) as assigned_users,
        cast(exposed_users as bigint) as exposed_users,
        expected_weight,
        expected_weight * sum(assigned_users) over (
            partition by experiment_key, weight_period, day
        ) as expected_users,
        cast(mixed_users as bigint) as mixed_users,
        loaded_through,
        day
    from running
    where {{ in_stretches(recompute) }}
)

select * from final
