{{ config(incremental_strategy='replace_all', partition_by='role') }}
with

experiments as (
    select * from {{ ref('int_experiments') }}
),

metrics as (
    select * from {{ ref('experiment_metrics') }}
),

offers as (
    {{ metrics_on_offer(experiment_metrics()) }}
),

offered as (
    select distinct
        experiments.experiment_key,
        offers.metric
    from experiments
    inner join offers on experiments.source = offers.source
    where not offers.has_threshold or experiments.latency_threshold_ms is not null
),

listed_primaries as (
    select distinct
        experiments.experiment_key,
        item.metric
    from {{ each_element('experiments', 'experiments.primary_metrics', {
        'metric': dbt.type_string(),
    }) }}
),

primaries as (
    select
        experiment_key,
        metric
    from listed_primaries
    where metric is not null
    union
    select
        experiment_key,
        primary_metric as metric
    from experiments
    where primary_metric is not null
),

guards as (
    select
        experiments.experiment_key,
        item.metric,
        max(item.direction) as direction,
        max(item.threshold) as threshold,
        max(item.margin) as margin
    from {{ each_element('experiments', 'experiments.guardrails', {
        'metric': dbt.type_string(), 'direction': dbt.type_string(),
        'threshold': dbt.type_string(), 'margin': type_double(),
    }) }}
    where item.metric is not null
    group by experiments.experiment_key, item.metric
),

named as (
    select
        experiment_key,
        metric
    from offered
    union
    select
        experiment_key,
        metric
    from primaries
    union
    select
        experiment_key,
        metric
    from guards
),

{# Where the configuration names what decides, nothing else does. #}
decided as (
    select distinct experiment_key
    from primaries
),

final as (
    select
        named.experiment_key,
        named.metric,
        offered.metric is not null as is_measured,
        metrics.kind,
        coalesce(guards.direction, metrics.direction) as direction,
        guards.threshold,
        coalesce(guards.margin, metrics.margin) as margin,
        case when guards.margin is not null then 'absolute' else metrics.margin_type end
            as margin_type,
        coalesce(metrics.scale, 1) as scale,
        case
            when primaries.metric is not null then 'primary'
            when guards.metric is not null then 'guardrail'
            when metrics.role = 'primary' and decided.experiment_key is not null then 'secondary'
            else coalesce(metrics.role, 'secondary')
        end as role
    from named
    left join metrics on named.metric = metrics.metric
    left join offered
        on named.experiment_key = offered.experiment_key and named.metric = offered.metric
    left join primaries
        on named.experiment_key = primaries.experiment_key and named.metric = primaries.metric
    left join guards
        on named.experiment_key = guards.experiment_key and named.metric = guards.metric
    left join decided on named.experiment_key = decided.experiment_key
)

{{ note_of_a_whole() }}
select * from final
