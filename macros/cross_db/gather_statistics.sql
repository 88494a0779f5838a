{# Tell the planner what a relation just written holds: of one never looked at it knows nothing, and
   may compare every row with every other. #}
{% macro gather_statistics(relation) -%}
    {{ return(adapter.dispatch('gather_statistics', 'recwatch')(relation)) }}
{%- endmacro %}

{% macro default__gather_statistics(relation) -%}
{%- endmacro %}

{% macro postgres__gather_statistics(relation) -%}
    analyze {{ relation }};
{%- endmacro %}
