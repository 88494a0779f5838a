{# Some order of nested values, by their content: the last resort between two versions of a row that
   agree in all else, so that the choice does not hang on the order in which they arrived. #}
{% macro content_order(value) -%}
    {{ return(adapter.dispatch('content_order', 'recwatch')(value)) }}
{%- endmacro %}

{% macro default__content_order(value) -%}
    {{ byte_order('cast(' ~ value ~ ' as ' ~ dbt.type_string() ~ ')') }}
{%- endmacro %}

{# A hash is a number, and a number is sorted faster than a long text. #}
{% macro duckdb__content_order(value) -%}
    hash({{ value }})
{%- endmacro %}

{% macro spark__content_order(value) -%}
    xxhash64({{ value }})
{%- endmacro %}
