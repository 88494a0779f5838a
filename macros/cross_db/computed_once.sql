{# How a CTE is told to be computed first and once: an optimizer that takes it apart, or computes it
   anew for each use, may read all of history where its result is a handful of days. Engines that
   find rows by an index are better left to their own devices. #}
{% macro computed_once() -%}
    {{ return(adapter.dispatch('computed_once', 'recwatch')()) }}
{%- endmacro %}

{% macro default__computed_once() -%}
{%- endmacro %}

{% macro duckdb__computed_once() -%}
    materialized
{%- endmacro %}
