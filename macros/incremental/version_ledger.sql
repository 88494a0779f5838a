{# A ledger: one row per raw row, with what became of it (`status`) and where it counts (`day`).

   status is `accepted`, `duplicate` or the reason for which staging refused the row. Of the sound
   rows with one key the greatest by `version_order` is accepted. A ledger also remembers the rows
   that are no longer what they were: `withdrawn` was accepted, `resolved` was a duplicate or
   refused. `batch` is the number of the build that last changed the row: from it the marts know
   which days, sessions and load days to recompute, the old ones as well as the new.

   `staging` is the staging model, `columns` those of its columns that the ledger keeps,
   `version_order` expressions, the most telling first; `key` is the raw key where that is a single
   column, so that an index on it can be used. `hashed` are columns by which other models
   look rows up (see cross_db/key_hash.sql). Where `settings` (values on which the staging model's
   verdicts depend) have changed, all keys are decided anew. #}
{% macro version_ledger(staging, columns, version_order, key=none, settings={}, hashed=[]) -%}
    {%- set staged = ref(staging) -%}
    {%- set state = ledger_state(settings) -%}
    {{ build_note({
        'batch': state.batch,
        'is_full_refresh': not state.incremental,
        'settings': state.settings,
    }) }}
    {%- set kept = ['row_key'] + columns + ['day', 'loaded_at', 'load_day'] -%}
    {%- if state.incremental -%}
        {{ ledger_update(staged, kept, version_order, state, key, ['row_key'] + hashed) }}
    {%- else -%}
with

ranked as (
    {{ ranked_versions('(select * from ' ~ staged ~ ') as raw_rows', version_order) }}
)

select
    {{ kept | join(',\n    ') }},
    {%- for column in ['row_key'] + hashed %}
    {{ key_hash(column) }} as {{ column }}_hash,
    {%- endfor %}
    {{ version_status() }} as status,
    cast({{ state.batch }} as bigint) as batch
from ranked
{# Rows of a day together: a columnar engine then reads a day without the others. #}
order by day
    {%- endif -%}
{%- endmacro %}


{% macro ranked_versions(rows, version_order) -%}
select
        *,
        row_number() over (
            partition by row_key, refused_reason is null
            order by {{ version_order | join(' desc nulls last, ') }} desc nulls last
        ) as version_rank
    from {{ rows }}
{%- endmacro %}


{% macro version_status() -%}
    coalesce(refused_reason, case when version_rank = 1 then 'accepted' else 'duplicate' end)
{%- endmacro %}


{# The rows of a ledger that a build changes.

   Raw rows that arrived since the watermark, less an overlap for transactions that committed
   late, name the keys; about all raw rows of these keys it is decided anew. Older rows of a key
   are looked for where the ledger says they were loaded: an update in place leaves none there. #}
{% macro ledger_update(staged, kept, version_order, state, key, hashed) -%}
    {%- set arrived = "loaded_at > " ~ state.since if state.since else "loaded_at is not null" -%}
    {%- set steps = [] -%}

{# Counted rather than joined: a planner that expects few rows of what has just arrived would
   compare each with each. #}
{%- call step(steps, 'arrivals') %}
    select
        row_key,
        loaded_at,
        1 as difference
    from {{ staged }}
    where {{ arrived }}
    union all
    select
        row_key,
        loaded_at,
        -1 as difference
    from {{ this }}
    where {{ arrived }} and status not in ('withdrawn', 'resolved')
{% endcall -%}

{%- call step(steps, 'affected', once=true) %}
    select distinct row_key
    from (
        select row_key
        from arrivals
        group by row_key, loaded_at
        having max(difference) = 1 and (sum(difference) <> 0 or {{ state.decide_all }})
    ) as changed
{% endcall -%}

{#- Each step costs a query where there is a price on queries: most nights most tables are quiet. -#}
{%- if is_known_empty(steps, 'affected') -%}
    {{ return("select * from " ~ this ~ " where false") }}
{%- endif -%}

{%- call step(steps, 'known_days', apart=true) %}
    select distinct day
    from {{ this }}
    {%- if not state.decide_all %}
    where {{ has_one_of('row_key', 'row_key_hash', 'select affected.row_key as key from affected') }}
    {%- endif %}
{% endcall -%}

{%- call step(steps, 'rows_of_known_days', apart=true) %}
    select *
    from {{ this }}
    where {{ is_day_of(steps, 'known_days', 'day') }}
{% endcall -%}

{%- call step(steps, 'known', once=true) %}
    select *
    from rows_of_known_days
    where
        row_key in (select affected.row_key from affected)
        and status not in ('withdrawn', 'resolved')
{% endcall -%}

{%- call step(steps, 'earlier_places') %}
    select distinct
        row_key,
        loaded_at
    from known
    where not ({{ arrived }})
{% endcall -%}

{%- call step(steps, 'current_rows') %}
    select staged.*
    from {{ staged }} as staged
    where staged.{{ arrived }} and staged.row_key in (select affected.row_key from affected)
    union all
    select staged.*
    from {{ staged }} as staged
    inner join earlier_places
        on
            staged.loaded_at = earlier_places.loaded_at
            and staged.{{ key or 'row_key' }} = earlier_places.row_key
{% endcall -%}

{%- call step(steps, 'ranked') %}
    {{ ranked_versions('current_rows', version_order) }}
{% endcall -%}

{%- call step(steps, 'decided', once=true) %}
    select
        {{ kept | join(',\n        ') }},
        {{ version_status() }} as status
    from ranked
{% endcall -%}

{%- call step(steps, 'decided_counts') %}
    select
        row_key,
        loaded_at,
        status,
        count(*) as row_count
    from decided
    group by row_key, loaded_at, status
{% endcall -%}

{%- call step(steps, 'known_counts') %}
    select
        row_key,
        loaded_at,
        status,
        count(*) as row_count,
        max(batch) as batch
    from known
    group by row_key, loaded_at, status
{% endcall -%}

{%- call step(steps, 'same_winners') %}
    select decided.row_key
    from decided
    inner join known
        on
            decided.row_key = known.row_key
            and decided.status = known.status
            {%- for column in kept if column != 'row_key' %}
            and decided.{{ column }} is not distinct from known.{{ column }}
            {%- endfor %}
    where decided.status = 'accepted'
{% endcall -%}

{# A row that stays what it was keeps its batch, so that no mart recomputes its day. #}
{%- call step(steps, 'unchanged') %}
    select
        decided_counts.row_key,
        decided_counts.loaded_at,
        decided_counts.status,
        known_counts.batch
    from decided_counts
    inner join known_counts
        on
            decided_counts.row_key = known_counts.row_key
            and decided_counts.loaded_at = known_counts.loaded_at
            and decided_counts.status = known_counts.status
            and decided_counts.row_count = known_counts.row_count
    where
        decided_counts.status <> 'accepted'
        or decided_counts.row_key in (select same_winners.row_key from same_winners)
{% endcall -%}

{%- call step(steps, 'final') %}
    select
        {% for column in kept %}decided.{{ column }},
        {% endfor -%}
        {% for column in hashed %}{{ key_hash('decided.' ~ column) }} as {{ column }}_hash,
        {% endfor -%}
        decided.status,
        coalesce(unchanged.batch, {{ state.batch }}) as batch
    from decided
    left join unchanged
        on
            decided.row_key = unchanged.row_key
            and decided.loaded_at = unchanged.loaded_at
            and decided.status = unchanged.status
    union all
    select
        {% for column in kept %}known.{{ column }},
        {% endfor -%}
        {% for column in hashed %}{{ key_hash('known.' ~ column) }} as {{ column }}_hash,
        {% endfor -%}
        case when known.status = 'accepted' then 'withdrawn' else 'resolved' end as status,
        cast({{ state.batch }} as bigint) as batch
    from known
    left join unchanged
        on
            known.row_key = unchanged.row_key
            and known.loaded_at = unchanged.loaded_at
            and known.status = unchanged.status
    where unchanged.row_key is null
{% endcall -%}

{{ with_steps(steps) }}

select * from final
{%- endmacro %}


{# What a ledger's next build needs to know of the builds before it. #}
{% macro ledger_state(settings) -%}
    {%- set now = {'reporting_timezone': var('reporting_timezone')} -%}
    {%- do now.update(settings) -%}
    {%- if is_building() -%}{%- do now.update({'key_hash': key_hash_version()}) -%}{%- endif -%}
    {%- set state = {
        'batch': 1, 'incremental': false, 'since': none, 'decide_all': false,
        'settings': tojson(now, sort_keys=true) | replace("'", ''),
    } -%}
    {%- if not is_building() -%}{{ return(state) }}{%- endif -%}

    {%- set last = run_query(
        "select batch, cast(loaded_through as " ~ dbt.type_string() ~ "), settings from "
        ~ build_log() ~ " where model = '" ~ this.name ~ "' order by batch desc limit 1"
    ).rows -%}
    {#- Greater than any that a mart has seen, even where this ledger's own log was lost. -#}
    {%- set batches = run_query(
        "select max(batch) from " ~ build_log() ~ " where input = '" ~ this.name ~ "'"
    ).rows[0] -%}
    {%- do state.update({'batch': (batches[0] or 0) | int + 1}) -%}
    {%- if not (is_incremental() and last) or left_unfinished(this) -%}
        {{ return(state) }}
    {%- endif -%}

    {%- set before = fromjson(last[0][2]) -%}
    {%- if before.reporting_timezone != now.reporting_timezone -%}
        {{ exceptions.raise_compiler_error(
            'the tables were built with reporting_timezone ' ~ before.reporting_timezone
            ~ ', this run has ' ~ now.reporting_timezone
            ~ ": run `dbt build --full-refresh`, or set the zone back"
        ) }}
    {%- endif -%}
    {%- do state.update({'incremental': true, 'decide_all': last[0][2] != state.settings}) -%}
    {%- if last[0][1] is not none and not state.decide_all -%}
        {%- do state.update({'since':
            instant_literal(last[0][1]) ~ " - interval '"
            ~ var('watermark_overlap_minutes') ~ " minutes'"
        }) -%}
    {%- endif -%}
    {{ return(state) }}
{%- endmacro %}
