{{ config(materialized='incremental', post_hook='{{ log_mart_build() }}') }}
{#- What each day adds to the moments: of a user with running total M it adds M(t)² − M(t−1)² to
    Σm², and so on. Running sums of the additions are the moments of every day. -#}
{%- set metrics = experiment_metrics() -%}
{%- set recompute = stretches_to_recompute(
    via=['int_experiment_user_days', 'int_experiment_baselines', 'int_experiment_assignments'],
    settings={'metrics': metrics},
) -%}
{%- set metrics = metrics_in_use(metrics) -%}
{%- set measures = measures_of_metrics(metrics) -%}
{%- set values = names_of_values(metrics) -%}
{%- set steps = [] -%}

{%- call step(steps, 'baselines') %}
    select * from {{ ref('int_experiment_baselines') }}
    where {{ of_stretches(recompute) }}
{% endcall -%}

{%- call step(steps, 'recent_days') %}
    select * from {{ ref('int_experiment_user_days') }}
    where {{ in_stretches(recompute) }}
{% endcall -%}

{%- call step(steps, 'earlier_days') %}
    select * from {{ ref('int_experiment_user_days') }}
    where {{ before_stretches(recompute) }}
{% endcall -%}

{# Who is known to be in two arms by the day of his exposure never enters. #}
{%- call step(steps, 'leavers') %}
    select * from {{ ref('int_experiment_users') }}
    where mixed_day is not null and {{ in_stretches(recompute, 'mixed_day') }}
{% endcall -%}

{%- call step(steps, 'exits') %}
    select
        exposures.experiment_key,
        exposures.user_id,
        exposures.scope,
        leavers.mixed_day as day,
        leavers.mixed_loaded_at as loaded_at
    from leavers
    inner join {{ ref('int_experiment_exposures') }} as exposures
        on
            leavers.experiment_key = exposures.experiment_key
            and leavers.user_id = exposures.user_id
    where leavers.mixed_day > exposures.day
{% endcall -%}

{%- call step(steps, 'moves', once=recompute.stretches is not none) %}
    select
        experiment_key,
        user_id,
        scope,
        day,
        false as is_exit,
        {{ listed(measures, '{}') }},
        loaded_at
    from recent_days
    union all
    select
        experiment_key,
        user_id,
        scope,
        day,
        true as is_exit,
        {{ listed(measures, '0 as {}') }},
        loaded_at
    from exits
{% endcall -%}

{# By user alone, which is one short key among millions of rows; what is read too much is dropped
   where the moves are joined. #}
{%- call step(steps, 'movers', once=recompute.stretches is not none) %}
    select distinct user_id from moves
{% endcall -%}

{# In a build of everything everybody moves, and to look for them would cost more than it saves. #}
{%- call step(steps, 'exposures', apart=recompute.stretches is not none) %}
    select * from {{ ref('int_experiment_exposures') }}
    where
        {{ of_stretches(recompute) }}
        and {{ unless_whole(recompute, 'user_id in (select movers.user_id from movers)') }}
{% endcall -%}

{%- call step(steps, 'users') %}
    select * from {{ ref('int_experiment_users') }}
    where
        {{ of_stretches(recompute) }}
        and {{ unless_whole(recompute, 'user_id in (select movers.user_id from movers)') }}
{% endcall -%}

{%- call step(steps, 'entered') %}
    select
        exposures.experiment_key,
        exposures.user_id,
        exposures.scope,
        users.variation,
        users.weight_period,
        exposures.user_type,
        exposures.device,
        exposures.country,
        exposures.day as entry_day,
        users.mixed_day as exit_day,
        {{ listed(measures, 'coalesce(baselines.{}, 0) as before_{}') }},
        greatest(users.loaded_at, exposures.loaded_at, baselines.loaded_at) as loaded_at
    from exposures
    inner join users
        on exposures.experiment_key = users.experiment_key and exposures.user_id = users.user_id
    left join baselines
        on
            exposures.experiment_key = baselines.experiment_key
            and exposures.user_id = baselines.user_id
            and exposures.scope = baselines.scope
    where users.mixed_day is null or users.mixed_day > exposures.day
{% endcall -%}

{# What the users who move had before. #}
{%- call step(steps, 'standing') %}
    select
        experiment_key,
        user_id,
        scope,
        {{ totals_of_measures(measures, 'sum({})', '{}') }}
    from earlier_days
    where user_id in (select movers.user_id from movers)
    group by experiment_key, user_id, scope
{% endcall -%}

{# An exit comes before what the user did on that day: it takes out what he had until then. #}
{%- call step(steps, 'totals') %}
    select
        moves.*,
        {{ totals_of_measures(
            measures, 'coalesce(standing.{}, 0) + sum(moves.{}) over so_far', 'total_{}'
        ) }}
    from moves
    left join standing
        on
            moves.experiment_key = standing.experiment_key
            and moves.user_id = standing.user_id
            and moves.scope = standing.scope
    window so_far as (
        partition by moves.experiment_key, moves.user_id, moves.scope
        order by moves.day, moves.is_exit desc
        rows between unbounded preceding and current row
    )
{% endcall -%}

{%- call step(steps, 'states') %}
    select
        entered.experiment_key,
        entered.scope,
        entered.variation,
        entered.weight_period,
        entered.user_type,
        entered.device,
        entered.country,
        totals.day,
        case when totals.day = entered.entry_day then 0 else 1 end as n0,
        case when totals.is_exit then 0 else 1 end as n1,
        {{ listed(measures, 'totals.total_{} - totals.{} as old_{}') }},
        {{ listed(measures, 'case when totals.is_exit then 0 else totals.total_{} end as new_{}') }},
        {{ listed(measures, 'entered.before_{}') }},
        greatest(totals.loaded_at, entered.loaded_at) as loaded_at
    from totals
    inner join entered
        on
            totals.experiment_key = entered.experiment_key
            and totals.user_id = entered.user_id
            and totals.scope = entered.scope
    where
        totals.day < coalesce(entered.exit_day, date '9999-12-31')
        or (totals.day = entered.exit_day and totals.is_exit)
{% endcall -%}

{%- call step(steps, 'valued') %}
    select
        experiment_key,
        scope,
        variation,
        weight_period,
        user_type,
        device,
        country,
        day,
        n0,
        n1,
        {{ values_of_metrics(metrics) }}
        loaded_at
    from states
{% endcall -%}

{%- call step(steps, 'groupings') %}
    select false as is_by_country
    union all
    select true as is_by_country
{% endcall -%}

{# Each row in the groups it is needed in: countries are many, and crossed with the other attributes
   there would be nearly as many groups as users. Joined rather than selected for each: the states
   of all moves are then never kept. #}
{%- call step(steps, 'grouped') %}
    select
        valued.experiment_key,
        valued.scope,
        valued.variation,
        {{ listed(
            ['weight_period', 'user_type', 'device'],
            "case when valued.scope = '(all)' and not groupings.is_by_country then valued.{} end as {}",
        ) }},
        case when groupings.is_by_country then valued.country end as country,
        groupings.is_by_country,
        valued.day,
        valued.n0,
        valued.n1,
        {{ listed(values, 'valued.{}') }},
        valued.loaded_at
    from valued
    inner join groupings on valued.scope = '(all)' or not groupings.is_by_country
{% endcall -%}

{%- call step(steps, 'added', once=true) %}
    select
        experiment_key,
        scope,
        variation,
        weight_period,
        user_type,
        device,
        country,
        is_by_country,
        day,
        {{ additions_of_metrics(metrics) }}
        sum(n1 - n0) as users,
        max(loaded_at) as loaded_through
    from grouped
    group by
        experiment_key, scope, variation, weight_period, user_type, device, country,
        is_by_country, day
{% endcall -%}

{%- call step(steps, 'segment_types') %}
    select
        'all' as segment_type,
        false as is_by_country,
        false as is_by_surface
    union all
    select
        'user_type' as segment_type,
        false as is_by_country,
        false as is_by_surface
    union all
    select
        'device' as segment_type,
        false as is_by_country,
        false as is_by_surface
    union all
    select
        'country' as segment_type,
        true as is_by_country,
        false as is_by_surface
    union all
    select
        'weight_period' as segment_type,
        false as is_by_country,
        false as is_by_surface
    union all
    select
        'surface' as segment_type,
        false as is_by_country,
        true as is_by_surface
{% endcall -%}

{# A cut by surface has users of its own: those who saw the experiment there. #}
{%- call step(steps, 'cuts') %}
    select
        added.*,
        segment_types.segment_type,
        case segment_types.segment_type
            when 'all' then 'all'
            when 'user_type' then added.user_type
            when 'device' then added.device
            when 'country' then added.country
            when 'weight_period' then cast(added.weight_period as {{ dbt.type_string() }})
            else added.scope
        end as segment
    from added
    inner join segment_types
        on
            added.is_by_country = segment_types.is_by_country
            and (added.scope <> '(all)') = segment_types.is_by_surface
{% endcall -%}

{%- call step(steps, 'rolled', once=true) %}
    select
        experiment_key,
        segment_type,
        segment,
        variation,
        day,
        {{ sums_of_additions(metrics) }}
        sum(users) as users,
        max(loaded_through) as loaded_through
    from cuts
    group by experiment_key, segment_type, segment, variation, day
{% endcall -%}

{%- call step(steps, 'additions') %}
    {{ row_per_metric(
        'rolled', metrics, ['experiment_key', 'segment_type', 'segment', 'variation', 'day']
    ) }}
{% endcall -%}

{%- call step(steps, 'final') %}
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
    from additions
{% endcall -%}

{{ with_steps(steps) }}

select * from final
