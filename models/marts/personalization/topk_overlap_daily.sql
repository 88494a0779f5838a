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

{# Numbers are compared faster than texts. #}
{%- call step(steps, 'item_numbers') %}
    select
        item_id,
        row_number() over (order by item_id) as item_number
    from list_items
    group by item_id
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
        groups.group_id,
        groups.pool_id,
        groups.is_exact,
        groups.users,
        members.list_id,
        members.size,
        members.cell,
        groups.first_position,
        row_number() over (
            partition by groups.group_id
            order by members.place_in_line, {{ byte_order('members.user_id') }}
        ) as place
    from members
    inner join groups
        on
            members.day = groups.day
            and members.namespace = groups.namespace
            and members.surface = groups.surface
            and members.cohort_type = groups.cohort_type
            and members.cohort = groups.cohort
{% endcall -%}

{# Of whom the users of a pool consist, by type and device, and to which groups those belong. #}
{%- call step(steps, 'cells', once=once) %}
    select distinct
        pool_id,
        cell,
        group_id
    from placed_members
{% endcall -%}

{%- call step(steps, 'entries', once=once) %}
    select
        placed_members.pool_id,
        placed_members.is_exact,
        placed_members.users,
        placed_members.place,
        placed_members.first_position + placed_members.place - 1 as position,
        placed_members.size,
        placed_members.cell,
        item_numbers.item_number
    from placed_members
    inner join list_items on placed_members.list_id = list_items.list_id
    inner join item_numbers on list_items.item_id = item_numbers.item_id
    where placed_members.group_id = placed_members.pool_id
{% endcall -%}

{%- call step(steps, 'blocks') %}
    select 0 as number
    union all
    select 1 as number
{% endcall -%}

{# A user is compared with those at most so far behind: they stand in the same block of the line or
   in the next one, so that blocks can be joined on equal keys. A pool of which all are compared is
   one block. #}
{%- call step(steps, 'ahead') %}
    select
        entries.pool_id,
        entries.position,
        entries.size,
        entries.cell,
        entries.item_number,
        case
            when entries.is_exact then entries.position + entries.users
            else entries.position + {{ per_user }}
        end as last_position,
        case
            when entries.is_exact then 0 - entries.pool_id
            else
                entries.position - mod(entries.position, {{ per_user }})
                + blocks.number * {{ per_user }}
        end as block
    from entries
    cross join blocks
    where not entries.is_exact or blocks.number = 0
{% endcall -%}

{# Who stands at the beginning stands once more at the end. #}
{%- call step(steps, 'places') %}
    select
        entries.pool_id,
        entries.is_exact,
        entries.size,
        entries.cell,
        entries.item_number,
        entries.position + blocks.number * entries.users as position
    from entries
    cross join blocks
    where blocks.number = 0 or (not entries.is_exact and entries.place <= {{ per_user }})
{% endcall -%}

{%- call step(steps, 'behind') %}
    select
        position,
        size,
        cell,
        item_number,
        case
            when is_exact then 0 - pool_id
            else position - mod(position, {{ per_user }})
        end as block
    from places
{% endcall -%}

{# Pairs with nothing in common are not looked at: their number is known. #}
{%- call step(steps, 'compared') %}
    select
        ahead.position,
        behind.position as other_position,
        min(ahead.pool_id) as pool_id,
        min(ahead.cell) as cell,
        min(behind.cell) as other_cell,
        count(*) as shared_items,
        min(ahead.size + behind.size) as sizes
    from ahead
    inner join behind
        on
            ahead.item_number = behind.item_number
            and ahead.block = behind.block
            and ahead.position < behind.position
            and ahead.last_position >= behind.position
    group by ahead.position, behind.position
{% endcall -%}

{%- call step(steps, 'tallied') %}
    select
        pool_id,
        cell,
        other_cell,
        shared_items,
        sizes,
        count(*) as pairs
    from compared
    group by pool_id, cell, other_cell, shared_items, sizes
{% endcall -%}

{# A pair counts in the groups to which both of it belong. #}
{%- call step(steps, 'shared') %}
    select
        cells.group_id,
        {{ ratio('tallied.shared_items', 'tallied.sizes - tallied.shared_items') }} as jaccard,
        cast(sum(tallied.pairs) as bigint) as pairs
    from tallied
    inner join cells
        on tallied.pool_id = cells.pool_id and tallied.cell = cells.cell
    inner join cells as other_cells
        on
            tallied.pool_id = other_cells.pool_id
            and tallied.other_cell = other_cells.cell
            and cells.group_id = other_cells.group_id
    group by cells.group_id, tallied.shared_items, tallied.sizes
{% endcall -%}

{%- call step(steps, 'listed') %}
    select
        group_id,
        jaccard,
        pairs,
        pairs as shared_pairs
    from shared
    union all
    select
        group_id,
        0 as jaccard,
        pairs,
        0 as shared_pairs
    from groups
{% endcall -%}

{# The pairs of a group that are not among those with something in common have nothing. #}
{%- call step(steps, 'distribution') %}
    select
        group_id,
        jaccard,
        case
            when shared_pairs > 0 then pairs
            else pairs - cast(sum(shared_pairs) over (partition by group_id) as bigint)
        end as pairs
    from listed
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
    where pairs > 0
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
