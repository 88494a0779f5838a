{{ config(incremental_strategy='replace_all', partition_by='source') }}
with

experiments as (
    select * from {{ ref('int_experiments') }}
),

weights as (
    select * from {{ ref('int_experiment_weights') }}
),

arms as (
    select
        experiment_key,
        count(distinct variation) as arms,
        count(distinct weight_period) as weight_periods,
        max(case when weight_period > 1 then from_at end) as weights_changed_at,
        count(distinct case when is_control then variation end) as controls,
        max(case when is_control then variation end) as control
    from weights
    group by experiment_key
),

final as (
    select
        experiments.experiment_key,
        experiments.name,
        experiments.owner,
        coalesce(experiments.status, '(unknown)') as status,
        case when arms.controls = 1 then arms.control end as control,
        coalesce(arms.arms, 0) as arms,
        coalesce(arms.weight_periods, 0) as weight_periods,
        arms.weights_changed_at,
        experiments.started_at,
        experiments.ended_at,
        experiments.first_day,
        experiments.last_day,
        coalesce({{ local_day('arms.weights_changed_at') }}, experiments.first_day) as decision_day,
        experiments.min_duration_days,
        experiments.horizon_users,
        experiments.latency_threshold_ms,
        experiments.updated_at,
        experiments.loaded_at as loaded_through,
        experiments.source
    from experiments
    left join arms on experiments.experiment_key = arms.experiment_key
)

{{ note_of_a_whole() }}
select * from final
