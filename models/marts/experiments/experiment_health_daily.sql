{{ config(incremental_strategy='replace_stretches') }}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_exposures', 'int_experiment_assignments', 'int_experiment_logged'],
    also=days_still_to_come(),
) -%}
{%- set counts = [
    'assigned_users', 'exposed_users', 'exposed_without_assignment', 'mixed_users',
    'exposed_to_other_variation',
] -%}
{%- set keys = ['experiment_key'] -%}

with

experiments as (
    select * from {{ ref('int_experiments') }}
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

logged as (
    select * from {{ ref('int_experiment_logged') }}
    where {{ of_stretches(recompute) }}
),

exposed as (
    select
        users.experiment_key,
        users.mixed_day,
        users.mixed_loaded_at,
        exposures.day,
        exposures.loaded_at
    from exposures
    inner join users
        on exposures.experiment_key = users.experiment_key and exposures.user_id = users.user_id
    where users.mixed_day is null or users.mixed_day > exposures.day
),

named as (
    select
        logged.experiment_key,
        logged.user_id,
        users.assigned_day,
        users.mixed_day,
        min(logged.day) as day,
        greatest(
            users.assigned_day,
            min(case
                when logged.variation not in (users.variation, '(none)') then logged.day
            end)
        ) as other_day,
        min(case
            when logged.variation not in (users.variation, '(none)') then logged.day
        end) is not null as is_astray
    from logged
    left join users
        on logged.experiment_key = users.experiment_key and logged.user_id = users.user_id
    group by logged.experiment_key, logged.user_id, users.assigned_day, users.mixed_day
),

astray as (
    select * from named
    where is_astray and (mixed_day is null or mixed_day > other_day)
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
    union all
    {{ counted_step('named', 'day', {'exposed_without_assignment': 1}, counts, keys) }}
    union all
    {{ counted_step(
        'named', 'greatest(assigned_day, day)', {'exposed_without_assignment': -1}, counts, keys,
        where='assigned_day is not null',
    ) }}
    union all
    {{ counted_step('astray', 'other_day', {'exposed_to_other_variation': 1}, counts, keys) }}
    union all
    {{ counted_step('astray', 'mixed_day', {'exposed_to_other_variation': -1}, counts, keys) }}
),

added as (
    select
        experiment_key,
        day,
        {{ listed(counts, 'sum({}) as {}') }},
        max(loaded_at) as loaded_through
    from steps
    group by experiment_key, day
),

grid as (
    select
        experiments.experiment_key,
        calendar.day
    from {{ each_day('experiments', 'experiments.first_day', 'experiments.last_day') }}
),

running as (
    select
        grid.experiment_key,
        {{ listed(counts, 'cast(sum(coalesce(added.{}, 0)) over so_far as bigint) as {}') }},
        max(added.loaded_through) over so_far as loaded_through,
        grid.day
    from grid
    left join added on grid.experiment_key = added.experiment_key and grid.day = added.day
    window so_far as (
        partition by grid.experiment_key
        order by grid.day
        rows between unbounded preceding and current row
    )
),

final as (
    select
        experiment_key,
        assigned_users,
        exposed_users,
        exposed_without_assignment,
        assigned_users - exposed_users as assigned_without_exposure,
        mixed_users,
        exposed_to_other_variation,
        loaded_through,
        day
    from running
    where {{ in_stretches(recompute) }}
)

select * from final
