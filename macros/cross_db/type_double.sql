{# The type of an eight-byte float: what `float` means differs between engines. #}
{% macro type_double() -%}
    {{ return(adapter.dispatch('type_double', 'recwatch')()) }}
{%- endmacro %}

{% macro default__type_double() -%}
    double precision
{%- endmacro %}

{% macro spark__type_double() -%}
    double
{%- endmacro %}
