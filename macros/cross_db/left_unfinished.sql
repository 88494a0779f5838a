{# Whether a build of this table was killed while it wrote. An engine with transactions leaves none. #}
{% macro left_unfinished(table) -%}
    {{ return(adapter.dispatch('left_unfinished', 'recwatch')(table)) }}
{%- endmacro %}

{% macro default__left_unfinished(table) -%}
    {{ return(false) }}
{%- endmacro %}

{% macro spark__left_unfinished(table) -%}
    {%- set properties = run_query("show tblproperties " ~ table) -%}
    {{ return('recwatch.unfinished' in (properties.columns[0].values() | list)) }}
{%- endmacro %}
