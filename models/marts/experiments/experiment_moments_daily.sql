{{ config(incremental_strategy='replace_stretches') }}
{#- Running sums of what each day adds, for every day from the start to the watermark or end. -#}
{%- set metrics = experiment_metrics() -%}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_additions', 'int_experiment_assignments'],
    also=days_still_to_come(),
    settings={'metrics': metrics},
) -%}

with

experiments as (
    select * from {{ ref('int_experiments') }}
    where {{ of_stretches(recompute) }}
),

weights as (
    select * from {{ ref('int_experiment_weights') }}
    where {{ of_stretches(recompute) }}
),

assignments as (
    select * from {{ ref('int_experiment_assignments') }}
    where {{ of_stretches(recompute) }}
),

additions as (
    select * from {{ ref('int_experiment_additions') }}
    where {{ of_stretches(recompute) }}
),

metrics as (
    {{ metrics_on_offer(metrics) }}
),

{# An arm stands from the start; one that nobody planned from the day it is first assigned. #}
arms as (
    select
        experiment_key,
        variation,
        min(since_day) as since_day
    from (
        select
            weights.experiment_key,
            weights.variation,
            experiments.first_day as since_day
        from weights
        inner join experiments on weights.experiment_key = experiments.experiment_key
        union all
        select
            experiment_key,
            variation,
            day as since_day
        from assignments
    ) as known_arms
    group by experiment_key, variation
),

offered as (
    select
        experiments.experiment_key,
        metrics.metric,
        metrics.has_surface,
        experiments.first_day,
        experiments.last_day
    from experiments
    inner join metrics on experiments.source = metrics.source
    where not metrics.has_threshold or experiments.latency_threshold_ms is not null
),

{# A segment stands from the day of its first user, in every arm; the whole from the start. #}
segments as (
    select
        experiment_key,
        segment_type,
        segment,
        min(day) as since_day
    from additions
    where segment_type <> 'all'
    group by experiment_key, segment_type, segment
    union all
    select
        experiment_key,
        'all' as segment_type,
        'all' as segment,
        first_day as since_day
    from experiments
),

cells as (
    select
        offered.experiment_key,
        offered.metric,
        segments.segment_type,
        segments.segment,
        arms.variation,
        greatest(segments.since_day, arms.since_day) as since_day,
        offered.last_day
    from offered
    inner join segments on offered.experiment_key = segments.experiment_key
    inner join arms on offered.experiment_key = arms.experiment_key
    where
        offered.last_day >= offered.first_day
        and (segments.segment_type <> 'surface' or offered.has_surface)
),

grid as (
    select
        cells.experiment_key,
        cells.metric,
        cells.segment_type,
        cells.segment,
        cells.variation,
        calendar.day
    from {{ each_day('cells', 'cells.since_day', 'cells.last_day') }}
),

running as (
    select
        grid.experiment_key,
        grid.metric,
        grid.segment_type,
        grid.segment,
        grid.variation,
        {{ listed(
            ['users'] + names_of_moments(),
            'sum(coalesce(additions.{}, 0)) over so_far as {}',
        ) }},
        max(additions.loaded_through) over so_far as loaded_through,
        grid.day
    from grid
    left join additions
        on
            grid.experiment_key = additions.experiment_key
            and grid.metric = additions.metric
            and grid.segment_type = additions.segment_type
            and grid.segment = additions.segment
            and grid.variation = additions.variation
            and grid.day = additions.day
    window so_far as (
        partition by
            grid.experiment_key, grid.metric, grid.segment_type, grid.segment, grid.variation
        order by grid.day
        rows between unbounded preceding and current row
    )
),

final as (
    select
        experiment_key,
        metric,
        segment_type,
        segment,
        variation,
        cast(users as bigint) as users,
        {{ listed(names_of_moments(), 'cast({} as numeric(38, 8)) as {}') }},
        loaded_through,
        day
    from running
    where {{ in_stretches(recompute) }}
)

select * from final
