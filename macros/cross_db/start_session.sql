{# What every statement of a run relies on, whatever the profile says. #}
{% macro start_session() -%}
    {{ return(adapter.dispatch('start_session', 'recwatch')()) }}
{%- endmacro %}

{% macro default__start_session() -%}
{%- endmacro %}

{# dbt's threads share one Spark session. #}
{% macro spark__start_session() -%}
    {%- if execute -%}
        {%- do run_query("set spark.sql.session.timeZone = UTC") -%}
        {%- do run_query("set spark.sql.sources.partitionOverwriteMode = dynamic") -%}
        {#- A metastore that cannot filter partitions by day names them all: Derby at times. -#}
        {%- do run_query(
            "set spark.sql.hive.metastorePartitionPruningFallbackOnException = true"
        ) -%}
        {%- do run_query("set spark.sql.variant.allowDuplicateKeys = true") -%}
        {%- if flags.WHICH in ('run', 'build', 'retry') -%}
            {#- With what a killed run left there. -#}
            {%- do adapter.drop_schema(step_table('any')) -%}
            {%- do adapter.create_schema(step_table('any')) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
