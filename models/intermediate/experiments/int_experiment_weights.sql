{{ config(
    materialized='incremental',
    incremental_strategy='replace_all',
    partition_by='weight_period',
) }}
{#- A weight period begins where the normalized weights change, not where a version does. -#}
with

versions as (
    select * from {{ ref('int_experiment_versions') }}
),

elements as (
    select
        versions.experiment_key,
        versions.version,
        versions.from_at,
        versions.is_newest,
        item.variation,
        item.weight,
        item.is_control
    from {{ each_element('versions', 'versions.arms', {
        'variation': dbt.type_string(), 'weight': type_double(), 'is_control': 'boolean',
    }) }}
),

{# Where no arm has a weight all have the same. #}
weighed as (
    select
        experiment_key,
        version,
        from_at,
        variation,
        sum(coalesce(weight, 0)) as weight,
        sum(sum(coalesce(weight, 0))) over (partition by experiment_key, version) as all_weights,
        sum(count(weight)) over (partition by experiment_key, version) as given_weights,
        count(*) over (partition by experiment_key, version) as arm_count
    from elements
    group by experiment_key, version, from_at, variation
),

shares as (
    select
        experiment_key,
        version,
        from_at,
        variation,
        case
            when given_weights = 0 then 1 / cast(arm_count as {{ type_double() }})
            when all_weights = 0 then 0
            else weight / all_weights
        end as share_of_users
    from weighed
),

served as (
    select
        *,
        count(*) over (partition by experiment_key, version) as served_arms
    from shares
    where share_of_users > 0
),

kept as (
    select
        served.experiment_key,
        served.version
    from served
    inner join served as previous
        on
            served.experiment_key = previous.experiment_key
            and served.version = previous.version + 1
            and served.variation = previous.variation
            and served.served_arms = previous.served_arms
            and abs(served.share_of_users - previous.share_of_users) < 1e-9
    group by served.experiment_key, served.version, served.served_arms
    having count(*) = served.served_arms
),

numbered as (
    select
        versions.experiment_key,
        versions.version,
        versions.from_at,
        sum(case when kept.version is null then 1 else 0 end) over (
            partition by versions.experiment_key
            order by versions.version
            rows between unbounded preceding and current row
        ) as weight_period,
        kept.version is null as is_first
    from versions
    left join kept
        on versions.experiment_key = kept.experiment_key and versions.version = kept.version
),

periods as (
    select
        *,
        lead(from_at) over (partition by experiment_key order by weight_period) as to_at
    from numbered
    where is_first
),

arms as (
    select
        experiment_key,
        variation,
        max(case when is_newest and is_control then 1 else 0 end) = 1 as is_control
    from elements
    group by experiment_key, variation
),

final as (
    select
        periods.experiment_key,
        arms.variation,
        coalesce(shares.share_of_users, 0) as share_of_users,
        arms.is_control,
        periods.from_at,
        periods.to_at,
        cast(periods.weight_period as bigint) as weight_period
    from periods
    inner join arms on periods.experiment_key = arms.experiment_key
    left join shares
        on
            periods.experiment_key = shares.experiment_key
            and periods.version = shares.version
            and arms.variation = shares.variation
)

{{ note_of_a_whole() }}
select * from final
