{# The type of a moment in time, with its zone. #}
{% macro type_instant() -%}
    {{ return(adapter.dispatch('type_instant', 'recwatch')()) }}
{%- endmacro %}

{% macro default__type_instant() -%}
    timestamptz
{%- endmacro %}

{% macro spark__type_instant() -%}
    timestamp
{%- endmacro %}
