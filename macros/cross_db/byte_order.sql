{# A text to be compared by its bytes: Postgres sorts by the database's locale unless told. #}
{% macro byte_order(column) -%}
    {{ return(adapter.dispatch('byte_order', 'recwatch')(column)) }}
{%- endmacro %}

{% macro default__byte_order(column) -%}
    {{ column }}
{%- endmacro %}

{% macro postgres__byte_order(column) -%}
    {{ column }} collate "C"
{%- endmacro %}
