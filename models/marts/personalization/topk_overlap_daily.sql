{%- set recompute = days_to_recompute(
    [changed_rows('int_traces_ledger')],
    settings=overlap_settings(),
) -%}
{%- set per_user = overlap_settings().overlap_pairs_per_user -%}
{#- Nothing is to be computed, even once, where no day has changed. -#}
{%- set once = recompute.days != [] -%}
{%- set steps = [] -%}

{%- call step(steps, 'responses') %}
    select * from {{ ref('int_responses') }}
    where {{ in_days('day', recompute) }}
{% endcall -%}

{%- call step(steps, 'response_items') %}
    select * from {{ ref('int_response_items') }}
    where {{ in_days('day', recompute) }}
{% endcall -%}

{%- call step(steps, 'placed') %}
    select
        day,
        namespace,
        surface,
        user_id,
        user_type,
        device,
        trace_id,
        loaded_at,
        row_number() over (
            partition by day, namespace, surface, user_id
            order by created_at desc, {{ byte_order('trace_id') }} desc
        ) as place_from_last
    from responses
{% endcall -%}

{%- call step(steps, 'last_responses', once=once) %}
    select
        *,
        row_number() over (order by trace_id) as list_id,
        dense_rank() over (order by user_type, device) as cell,
        {# Whom a user is paired with differs from day to day, and never between runs or engines. #}
        md5(user_id || cast(day as {{ dbt.type_string() }})) as place_in_line
    from placed
    where place_from_last = 1
{% endcall -%}

{%- call step(steps, 'list_items', once=once) %}
    select distinct
        last_responses.list_id,
        response_items.item_id
    from response_items
    inner join last_responses on response_items.trace_id = last_responses.trace_id
    where
        response_items.item_id is not null
        and (response_items.k is null or response_items.rank <= response_items.k)
{% endcall -%}

{%- call step(steps, 'list_sizes') %}
    select
        list_id,
        count(*) as size
    from list_items
    group by list_id
{% endcall -%}

{%- call step(steps, 'cohort_types') %}
    select 'all' as cohort_type
    union all
    select 'user_type' as cohort_type
    union all
    select 'device' as cohort_type
{% endcall -%}

{%- call step(steps, 'members', once=once) %}
    select
        last_responses.day,
        last_responses.namespace,
        last_responses.surface,
        cohort_types.cohort_type,
        case cohort_types.cohort_type
            when 'user_type' then last_responses.user_type
            when 'device' then last_responses.device
            else 'all'
        end as cohort,
        last_responses.user_id,
        last_responses.place_in_line,
        last_responses.list_id,
        last_responses.cell,
        last_responses.loaded_at,
        list_sizes.size
    from last_responses
    inner join list_sizes on last_responses.list_id = list_sizes.list_id
    cross join cohort_types
{% endcall -%}

{%- call step(steps, 'counted') %}
    select
        day,
        namespace,
        surface,
        cohort_type,
        cohort,
        count(*) as users,
        {# Where drawing pairs would take more of them than there are, all of them are taken. #}
        count(*) <= {{ [overlap_settings().overlap_exact_max_users, 2 * per_user + 1] | max }}
            as is_exact,
        max(loaded_at) as loaded_through
    from members
    group by day, namespace, surface, cohort_type, cohort
{% endcall -%}

{%- call step(steps, 'numbered') %}
    select
        *,
        row_number() over (order by day, namespace, surface, cohort_type, cohort) as group_id
    from counted
{% endcall -%}

{# A pool is who are compared with each other. Where all are, the pairs of every cohort are among
   theirs, and one pool serves all groups of the surface; else each group has its own. #}
{%- call step(steps, 'pooled') %}
    select
        *,
        coalesce(
            max(case when cohort_type = 'all' and is_exact then group_id end)
                over (partition by day, namespace, surface),
            group_id
        ) as pool_id
    from numbered
{% endcall -%}

{# One line for all: the groups stand one after the other, with room behind each for those who
   stand at its beginning to stand once more at its end. #}
{%- call step(steps, 'groups', once=once) %}
    select
        *,
        case
            when is_exact then cast(users * (users - 1) / 2 as bigint)
            else users * {{ per_user }}
        end as pairs,
        cast(sum(users + {{ per_user }}) over (
            order by group_id
            rows between unbounded preceding and current row
        ) as bigint) - users as first_position
    from pooled
{% endcall -%}

{%- call step(steps, 'placed_members', once=once) %}
    select
        cohorts.group_id,
        cohorts.pool_id,
        cohorts.is_exact,
        cohorts.users,
        members.list_id,
        members.size,
        dense_rank() over (order by cohorts.pool_id, members.cell, members.size) as kind,
        cohorts.first_position,
        row_number() over (
            partition by cohorts.group_id
            order by members.place_in_line, {{ byte_order('members.user_id') }}
        ) as place
    from members
    inner join groups as cohorts
        on
            members.day = cohorts.day
            and members.namespace = cohorts.namespace
            and members.surface = cohorts.surface
            and members.cohort_type = cohorts.cohort_type
            and members.cohort = cohorts.cohort
{% endcall -%}

{# Of whom the users of a pool consist, by type, device and how much they were shown, and to which
   groups those belong. #}
{%- call step(steps, 'kinds', once=once) %}
    select distinct
        kind,
        size,
        group_id
    from placed_members
{% endcall -%}

{%- call step(steps, 'line') %}
    select
        pool_id,
        is_exact,
        users,
        place,
        first_position + place - 1 as position,
        kind,
        list_id
    from placed_members
    where group_id = pool_id
{% endcall -%}

{# Who stands at the beginning stands once more at the end, to be met there. #}
{%- call step(steps, 'stands') %}
    select
        pool_id,
        is_exact,
        position,
        case when is_exact then position + users else position + {{ per_user }} end
            as last_position,
        kind,
        list_id
    from line
    union all
    select
        pool_id,
        is_exact,
        position + users as position,
        cast(null as bigint) as last_position,
        kind,
        list_id
    from line
    where not is_exact and place <= {{ per_user }}
{% endcall -%}

{%- call step(steps, 'in_blocks') %}
    select
        case
            when is_exact then 0 - pool_id
            else position - mod(position, {{ per_user }})
        end as block,
        is_exact,
        position,
        last_position,
        kind,
        list_id
    from stands
{% endcall -%}

{# A user is compared with those at most so far behind: they stand in the same block of the line or
   in the next one, so that blocks can be joined on equal keys. A pool of which all are compared is
   one block. #}
{%- call step(steps, 'compared') %}
    select
        block,
        position,
        last_position,
        true as is_met,
        kind,
        list_id
    from in_blocks
    union all
    select
        block + {{ per_user }} as block,
        position,
        last_position,
        false as is_met,
        kind,
        list_id
    from in_blocks
    where not is_exact and last_position is not null
{% endcall -%}

{%- call step(steps, 'shown', once=once) %}
    select
        compared.block,
        compared.position,
        compared.last_position,
        compared.is_met,
        compared.kind,
        list_items.item_id
    from compared
    inner join list_items on compared.list_id = list_items.list_id
{% endcall -%}

{# What one alone was shown is in no other list: their set may have nothing in it. #}
{%- call step(steps, 'block_items') %}
    select
        block,
        item_id,
        {{ number_set(
            'row_number() over (partition by block order by item_id) - 1',
            'count(*) over (partition by block)'
        ) }} as items
    from shown
    group by block, item_id
    having count(*) > 1
{% endcall -%}

{%- call step(steps, 'item_sets', once=once) %}
    select
        shown.block,
        shown.position,
        shown.last_position,
        shown.is_met,
        shown.kind,
        {{ union_of_sets('block_items.items') }} as items
    from shown
    left join block_items
        on shown.block = block_items.block and shown.item_id = block_items.item_id
    group by shown.block, shown.position, shown.last_position, shown.is_met, shown.kind
{% endcall -%}

{%- call step(steps, 'paired') %}
    select
        ahead.kind as kind_ahead,
        behind.kind as kind_behind,
        {{ numbers_in_both('ahead.items', 'behind.items') }} as shared_items
    from item_sets as ahead
    inner join item_sets as behind
        on
            ahead.block = behind.block
            and ahead.position < behind.position
            and ahead.last_position >= behind.position
    where behind.is_met
{% endcall -%}

{# Each pair is looked at and counted at once: to gather the items of all pairs first would take
   memory by the pair. #}
{%- call step(steps, 'tallied') %}
    select
        kind_ahead,
        kind_behind,
        shared_items,
        count(*) as pairs
    from paired
    group by kind_ahead, kind_behind, shared_items
{% endcall -%}

{# A pair counts in the groups to which both of it belong. #}
{%- call step(steps, 'distribution') %}
    select
        kinds.group_id,
        {{ ratio(
            'tallied.shared_items', 'kinds.size + other_kinds.size - tallied.shared_items'
        ) }} as jaccard,
        cast(sum(tallied.pairs) as bigint) as pairs
    from tallied
    inner join kinds on tallied.kind_ahead = kinds.kind
    inner join kinds as other_kinds
        on tallied.kind_behind = other_kinds.kind and kinds.group_id = other_kinds.group_id
    group by kinds.group_id, tallied.shared_items, kinds.size + other_kinds.size
{% endcall -%}

{%- call step(steps, 'averaged') %}
    select
        group_id,
        jaccard,
        pairs,
        {{ ratio(
            'sum(jaccard * pairs) over (partition by group_id)',
            'sum(pairs) over (partition by group_id)'
        ) }} as mean
    from distribution
{% endcall -%}

{%- call step(steps, 'cumulated') %}
    select
        group_id,
        jaccard,
        pairs,
        (jaccard - mean) * (jaccard - mean) as squared_deviation,
        mean,
        sum(pairs) over (
            partition by group_id
            order by jaccard
            rows between unbounded preceding and current row
        ) as pairs_to_here
    from averaged
{% endcall -%}

{%- call step(steps, 'summarised') %}
    select
        groups.group_id,
        {{ percentile_neighbours('p50', 0.5) }},
        {{ percentile_neighbours('p90', 0.9) }},
        {{ percentile_neighbours('p95', 0.95) }},
        {{ percentile_neighbours('p99', 0.99) }},
        min(cumulated.mean) as mean,
        sum(cumulated.squared_deviation * cumulated.pairs) as squared_deviations
    from groups
    inner join cumulated on groups.group_id = cumulated.group_id
    group by groups.group_id
{% endcall -%}

{%- call step(steps, 'final') %}
    select
        groups.day,
        groups.namespace,
        groups.surface,
        groups.cohort_type,
        groups.cohort,
        groups.users,
        groups.pairs,
        groups.is_exact,
        summarised.mean,
        case
            when groups.pairs = 0 then null
            when groups.is_exact then 0
            else
                sqrt({{ ratio('summarised.squared_deviations', 'groups.pairs - 1') }})
                / sqrt(cast(groups.pairs as {{ type_double() }}))
        end as stderr,
        {{ percentile_between('p50', 0.5) }},
        {{ percentile_between('p90', 0.9) }},
        {{ percentile_between('p95', 0.95) }},
        {{ percentile_between('p99', 0.99) }},
        groups.loaded_through
    from groups
    left join summarised on groups.group_id = summarised.group_id
{% endcall -%}

{{ with_steps(steps) }}

select * from final
