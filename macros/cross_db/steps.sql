{# A query written in steps, for engines that would otherwise take its CTEs apart or compute one
   anew for each use, and so read all of history where the answer is a handful of days.

       {%- set steps = [] -%}
       {%- call step(steps, 'affected', once=true) %}select …{% endcall -%}
       {%- call step(steps, 'final') %}select … where {{ is_day_of(steps, 'affected', 'day') }}{% endcall -%}
       {{ with_steps(steps) }}
       select * from final

   `once`: used several times, to be computed once. `apart`: to be computed before it is joined. #}
{% macro step(steps, name, once=false, apart=false) -%}
    {{ return(adapter.dispatch('step', 'recwatch')(steps, name, caller() | trim, once, apart)) }}
{%- endmacro %}

{# Engines that find rows by an index are better left to their own devices. #}
{% macro default__step(steps, name, sql, once, apart) -%}
    {%- do steps.append({'name': name, 'sql': sql, 'how': ''}) -%}
{%- endmacro %}

{% macro duckdb__step(steps, name, sql, once, apart) -%}
    {%- do steps.append({'name': name, 'sql': sql, 'how': 'materialized ' if once or apart else ''}) -%}
{%- endmacro %}

{# Spark writes each use of a CTE out: what is to be computed once becomes a table, under a name that
   no killed run can have left behind. The model's materialization drops it. #}
{% macro spark__step(steps, name, sql, once, apart) -%}
    {%- if once and is_building() -%}
        {%- set table = step_table(name) -%}
        {%- do run_query(
            "create table " ~ table ~ " using parquet as\n"
            ~ with_steps(needed_steps(steps, sql)) ~ "\n" ~ sql
        ) -%}
        {%- do steps.append({'name': name, 'sql': 'select * from ' ~ table, 'how': ''}) -%}
    {%- else -%}
        {{ recwatch.default__step(steps, name, sql, once, apart) }}
    {%- endif -%}
{%- endmacro %}


{% macro step_table(name) -%}
    {{ return(api.Relation.create(
        database=generate_database_name(none, none),
        schema=generate_schema_name('intermediate_steps', none) | trim,
        identifier=[this.identifier, name, invocation_id.replace('-', '')] | join('__'),
        type='table'
    )) }}
{%- endmacro %}


{# Those that the query names, or that these name: Spark plans the others as well. #}
{% macro needed_steps(steps, sql) -%}
    {%- set needed = [] -%}
    {%- set ns = namespace(text=sql) -%}
    {%- for step in steps | reverse if modules.re.search('\\b' ~ step.name ~ '\\b', ns.text) -%}
        {%- do needed.insert(0, step) -%}
        {%- set ns.text = ns.text ~ step.sql -%}
    {%- endfor -%}
    {{ return(needed) }}
{%- endmacro %}


{% macro with_steps(steps) -%}
    {%- for step in steps -%}
        {{ 'with\n\n' if loop.first }}{{ step.name }} as {{ step.how }}(
    {{ step.sql }}
){{ ',\n\n' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{# Whether a step that is computed once is known, before the query runs, to have no rows. #}
{% macro is_known_empty(steps, name) -%}
    {{ return(adapter.dispatch('is_known_empty', 'recwatch')(steps, name)) }}
{%- endmacro %}

{% macro default__is_known_empty(steps, name) -%}
    {{ return(false) }}
{%- endmacro %}

{% macro spark__is_known_empty(steps, name) -%}
    {%- set step = steps | selectattr('name', 'equalto', name) | first -%}
    {{ return(is_building() and not run_query(step.sql ~ ' limit 1').rows | length) }}
{%- endmacro %}


{# Whether `column` is one of the days that a step, of one column `day`, has found. #}
{% macro is_day_of(steps, name, column) -%}
    {{ return(adapter.dispatch('is_day_of', 'recwatch')(steps, name, column)) }}
{%- endmacro %}

{% macro default__is_day_of(steps, name, column) -%}
    {{ column }} in (select {{ name }}.day from {{ name }})
{%- endmacro %}

{# Spark leaves out partitions for certain only where it is told their names. #}
{% macro spark__is_day_of(steps, name, column) -%}
    {%- if is_building() -%}
        {%- set sql = "select distinct day from " ~ name -%}
        {%- set days = first_column(run_query(with_steps(needed_steps(steps, sql)) ~ "\n" ~ sql)) -%}
        {{ column }} in (
            {%- for day in days %}date '{{ day }}', {% endfor %}null)
    {%- else -%}
        {{ recwatch.default__is_day_of(steps, name, column) }}
    {%- endif -%}
{%- endmacro %}
