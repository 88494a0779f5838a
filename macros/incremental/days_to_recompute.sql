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
    {%- do add_states(inputs) -%}
    {%- for input in inputs -%}
        {%- do note.batches.update({input.ledger: input.available}) -%}
        {%- if input.seen is none or input.rebuilt > input.seen or input.settings != note.settings -%}
            {%- set ns.everything = true -%}
        {%- endif -%}
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


{# How far a mart has taken each of its inputs in, and how far it could: one look at the build log,
   for each is a round trip to the engine. #}
{% macro add_states(inputs) -%}
    {%- set ledgers, models = [], [this.name] -%}
    {%- for input in inputs -%}
        {%- do ledgers.append(input.ledger) -%}
        {%- do models.extend(input.via + [input.ledger]) -%}
    {%- endfor -%}
    {%- set builds = {} -%}
    {%- for row in run_query(builds_sql(ledgers | unique, models | unique)).rows -%}
        {%- do builds.update({(row[0], row[1]): {
            'batch': row[2] | int if row[2] is not none else none,
            'rebuilt': row[3] | int if row[3] is not none else 0,
            'settings': row[4],
        }}) -%}
    {%- endfor -%}
    {%- set never = {'batch': none, 'rebuilt': 0, 'settings': none} -%}
    {%- for input in inputs -%}
        {%- set available = [] -%}
        {%- for name in input.via -%}
            {%- do available.append(builds.get((input.ledger, name), never).batch) -%}
        {%- endfor -%}
        {%- set own = builds.get((input.ledger, this.name), never) -%}
        {%- do input.update({
            'available': available | min if none not in available else none,
            'seen': own.batch,
            'rebuilt': builds.get((input.ledger, input.ledger), never).rebuilt,
            'settings': own.settings,
        }) -%}
    {%- endfor -%}
{%- endmacro %}


{# What the log says of each of these inputs and models: the last batch, the last batch of a full
   refresh, and the settings of the latest build. #}
{% macro builds_sql(inputs, models) %}
select
    input,
    model,
    max(batch) as batch,
    max(case when is_full_refresh then batch end) as rebuilt,
    max(case when age = 1 then settings end) as settings
from (
    select
        input,
        model,
        batch,
        is_full_refresh,
        settings,
        row_number() over (partition by input, model order by built_at desc, batch desc) as age
    from {{ build_log() }}
    where
        input in ({% for input in inputs %}'{{ input }}'{{ ', ' if not loop.last }}{% endfor %})
        and model in ({% for model in models %}'{{ model }}'{{ ', ' if not loop.last }}{% endfor %})
) as builds
group by input, model
{% endmacro %}


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
