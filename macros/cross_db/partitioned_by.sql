{# The clause by which a table is kept in parts that can be replaced one by one. #}
{% macro partitioned_by(column) -%}
    {{ return(adapter.dispatch('partitioned_by', 'recwatch')(column)) }}
{%- endmacro %}

{% macro default__partitioned_by(column) -%}
{%- endmacro %}

{% macro spark__partitioned_by(column) -%}
    using parquet partitioned by ({{ column }})
{%- endmacro %}
