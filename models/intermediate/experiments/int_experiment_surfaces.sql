{#- Where an experiment names no surface it shows on all of them. -#}
with

experiments as (
    select * from {{ ref('int_experiments') }}
),

surfaces as (
    select * from {{ ref('surfaces') }}
),

named as (
    select distinct
        experiments.experiment_key,
        item.surface
    from {{ each_element('experiments', 'experiments.surfaces', {'surface': dbt.type_string()}) }}
),

final as (
    select
        named.experiment_key,
        named.surface
    from named
    where named.surface is not null
    union all
    select
        experiments.experiment_key,
        surfaces.surface
    from experiments
    cross join surfaces
    where {{ count_elements('experiments.surfaces') }} = 0
)

select * from final
