{# The days of a mart whose result depends on rows that are new since the mart was last built.

   `inputs` are `changed_rows(…)`: from each, the first and last day that a changed row touches.
   `step` is the distance between the mart's own keys in days (7 for weeks). `also` is SQL for
   further days, one column. `settings` are values that the result depends on: where one has
   changed, every day is recomputed.

   Returns {days, batches, settings}: `days` is a list of ISO days, or none for all of them. #}
{% macro days_to_recompute(inputs, column='day', as_instant=false, step=1, also=none, settings={}) -%}
    {%- set note = {
        'column': column, 'as_instant': as_instant, 'days': none, 'batches': {},
        'settings': tojson(settings) | replace("'", ''),
    } -%}
    {%- if not is_building() -%}{{ return(note) }}{%- endif -%}

    {%- set ns = namespace(
        everything=not is_incremental() or left_unfinished(this), days=[]
    ) -%}
    {%- for input in inputs -%}
        {%- set state = mart_state(input) -%}
        {%- do note.batches.update({input.ledger: state.available}) -%}
        {%- if state.seen is none or state.rebuilt > state.seen or state.settings != note.settings -%}
            {%- set ns.everything = true -%}
        {%- endif -%}
        {%- do input.update(state) -%}
    {%- endfor -%}
    {%- if ns.everything -%}{{ return(note) }}{%- endif -%}

    {%- for input in inputs -%}
        {%- if input.available > input.seen -%}
            {%- set ns.days = ns.days + days_between(run_query(changed_days_sql(input)), step) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if also -%}
        {%- set ns.days = ns.days + days_between(run_query(also), step) -%}
    {%- endif -%}
    {%- do note.update({'days': ns.days | unique | sort}) -%}
    {{ return(note) }}
{%- endmacro %}


{# An input of a mart: rows of a ledger, and the days of the mart that such a row touches.

   `first` and `last` are expressions over the ledger's row, which is called `changed`; `join` may
   bring in another relation. `via` names the models through which the ledger's rows come.
   `of_any_status`: also rows that were or became duplicates or refused. `columns`: a key whose
   row is another, but the same in these columns, has not changed. #}
{% macro changed_rows(ledger, first='changed.day', last=none, join='', where='true', via=[], of_any_status=false, columns=[]) -%}
    {# A unit test knows only the inputs it is given, and recomputes every day. #}
    {%- set relation = ref(ledger) if model.resource_type != 'unit_test' else none -%}
    {{ return({
        'ledger': ledger, 'relation': relation, 'first': first, 'last': last or first,
        'join': join, 'where': where, 'via': via or [ledger], 'of_any_status': of_any_status,
        'columns': columns,
    }) }}
{%- endmacro %}


{% macro changed_days_sql(input) %}
select distinct
    {{ input.first }} as first_day,
    {{ input.last }} as last_day
from {{ input.relation }} as changed
{{ input.join }}
where
    changed.batch > {{ input.seen }}
    and changed.batch <= {{ input.available }}
    {% if not input.of_any_status -%}
    and changed.status in ('accepted', 'withdrawn')
    {%- endif %}
    {% if input.columns -%}
    and changed.row_key in (
        select row_key
        from {{ input.relation }}
        where
            batch > {{ input.seen }}
            and batch <= {{ input.available }}
            and status in ('accepted', 'withdrawn')
        group by row_key
        having
            count(*) = 1
            {%- for column in input.columns %}
            or count(distinct {{ column }}) > 1
            or count({{ column }}) not in (0, count(*))
            {%- endfor %}
    )
    {%- endif %}
    and {{ input.where }}
{% endmacro %}


{# How far a mart has taken a ledger in, and how far it could. #}
{% macro mart_state(input) -%}
    {%- set taken_in = [] -%}
    {%- for model in input.via + [this.name] -%}
        {%- do taken_in.append("max(case when model = '" ~ model ~ "' then batch end)") -%}
    {%- endfor -%}
    {%- set found = run_query(
        "select " ~ taken_in | join(', ')
        ~ ", max(case when model = '" ~ input.ledger ~ "' and is_full_refresh then batch end)"
        ~ " from " ~ build_log() ~ " where input = '" ~ input.ledger ~ "'"
    ).rows[0] | list -%}
    {%- set rebuilt, seen = found.pop(), found.pop() -%}
    {%- set latest = run_query(
        "select settings from " ~ build_log() ~ " where model = '" ~ this.name ~ "' and input = '"
        ~ input.ledger ~ "' order by built_at desc, batch desc limit 1"
    ).rows -%}
    {{ return({
        'available': (found | map('int') | min) if none not in found else none,
        'seen': seen | int if seen is not none else none,
        'rebuilt': rebuilt | int if rebuilt is not none else 0,
        'settings': latest[0][0] if latest else none,
    }) }}
{%- endmacro %}


{# Every `step`th day from the first to the last of each row, as ISO texts. #}
{% macro days_between(table, step) -%}
    {%- set days = [] -%}
    {%- for row in table.rows if row[0] is not none -%}
        {%- set first = modules.datetime.date.fromisoformat((row[0] | string)[:10]) -%}
        {%- set last = modules.datetime.date.fromisoformat((row[-1] | string)[:10]) -%}
        {%- for offset in range(0, (last - first).days + 1, step) -%}
            {%- do days.append((first + modules.datetime.timedelta(days=offset)).isoformat()) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(days) }}
{%- endmacro %}
