{# A moment in time written out; a text without an offset is in UTC. #}
{% macro instant_literal(text) -%}
    {{ return(adapter.dispatch('instant_literal', 'recwatch')(text)) }}
{%- endmacro %}

{% macro default__instant_literal(text) -%}
    timestamptz '{{ text }}'
{%- endmacro %}

{% macro spark__instant_literal(text) -%}
    timestamp '{{ text }}'
{%- endmacro %}
