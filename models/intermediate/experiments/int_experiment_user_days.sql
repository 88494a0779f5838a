{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- What users did since their exposure, day by day. A visit that was under way at the exposure
    counts on the day of the exposure. -#}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_exposures'], settings={'surfaces': known_surfaces()}
) -%}
{%- set in_use = measures_in_use() -%}
{%- set steps = [] -%}

{%- call step(steps, 'exposures') %}
    select * from {{ ref('int_experiment_exposures') }}
    where scope = '(all)'
{% endcall -%}

{%- call step(steps, 'exposures_there') %}
    select * from {{ ref('int_experiment_exposures') }}
    where scope <> '(all)'
{% endcall -%}

{%- call step(steps, 'experiments') %}
    select * from {{ ref('int_experiments') }}
{% endcall -%}

{%- call step(steps, 'surfaces') %}
    select * from {{ ref('int_experiment_surfaces') }}
{% endcall -%}

{%- call step(steps, 'events') %}
    select * from {{ ref('int_experiment_events') }}
    where {{ since_stretches(recompute, 'last_day') }}
{% endcall -%}

{%- call step(steps, 'counted') %}
    select
        exposures.experiment_key,
        exposures.user_id,
        events.surface,
        exposures_there.user_id is not null as is_exposed_there,
        greatest(exposures.loaded_at, events.loaded_at) as loaded_at,
        greatest(exposures_there.loaded_at, events.loaded_at) as loaded_at_there,
        greatest(events.day, exposures.day) as day,
        {{ measures_of_experiment() }}
    from events
    inner join exposures on events.user_id = exposures.user_id
    inner join experiments on exposures.experiment_key = experiments.experiment_key
    left join surfaces
        on
            exposures.experiment_key = surfaces.experiment_key
            and events.surface = surfaces.surface
    left join exposures_there
        on
            exposures.experiment_key = exposures_there.experiment_key
            and exposures.user_id = exposures_there.user_id
            and events.surface = exposures_there.scope
            and events.at >= exposures_there.exposed_at
    where
        events.source in (experiments.source, 'any')
        and (events.surface is null or surfaces.surface is not null)
        and events.until >= exposures.exposed_at
        and (experiments.ended_at is null or events.at < experiments.ended_at)
        and {{ in_stretches(
            recompute, 'greatest(events.day, exposures.day)', 'exposures.experiment_key'
        ) }}
{% endcall -%}

{# Every event once, by its place; the scopes are put together from few rows. #}
{%- call step(steps, 'places', once=true) %}
    select
        experiment_key,
        user_id,
        surface,
        is_exposed_there,
        {{ sums_of_measures(in_use) }},
        max(loaded_at) as loaded_at,
        max(loaded_at_there) as loaded_at_there,
        day
    from counted
    group by experiment_key, user_id, surface, is_exposed_there, day
{% endcall -%}

{%- call step(steps, 'final') %}
    select
        experiment_key,
        user_id,
        '(all)' as scope,
        {{ sums_of_measures(in_use) }},
        max(loaded_at) as loaded_at,
        day
    from places
    group by experiment_key, user_id, day
    union all
    select
        experiment_key,
        user_id,
        surface as scope,
        {{ measures_there() }},
        loaded_at_there as loaded_at,
        day
    from places
    where is_exposed_there
{% endcall -%}

{{ with_steps(steps) }}

select * from final
