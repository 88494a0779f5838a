{#- The arms are read each by itself: of a CTE that both share DuckDB would keep every row, however
    few users are asked for. -#}
with

first_arms as (
    select * from {{ ref('int_experiment_assignments') }}
    where place = 1
),

second_arms as (
    select * from {{ ref('int_experiment_assignments') }}
    where place = 2
),

weights as (
    select * from {{ ref('int_experiment_weights') }}
),

periods as (
    select distinct
        experiment_key,
        weight_period,
        from_at,
        to_at
    from weights
),

final as (
    select
        -- ids
        first_arms.experiment_key,
        first_arms.user_id,

        -- text
        first_arms.variation,

        -- numerics
        {# An experiment that never said how it is divided has one period, with no weights. #}
        coalesce(periods.weight_period, 1) as weight_period,

        -- times
        first_arms.assigned_at,
        first_arms.day as assigned_day,
        second_arms.day as mixed_day,
        first_arms.loaded_at,
        second_arms.loaded_at as mixed_loaded_at
    from first_arms
    left join second_arms
        on
            first_arms.experiment_key = second_arms.experiment_key
            and first_arms.user_id = second_arms.user_id
    left join periods
        on
            first_arms.experiment_key = periods.experiment_key
            and first_arms.assigned_at >= periods.from_at
            and (periods.to_at is null or first_arms.assigned_at < periods.to_at)
)

select * from final
