{# Schemas are named exactly as the project says, for dashboards and cron jobs rely on the names.
   DBT_SCHEMA_PREFIX keeps developers who share a database apart. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ env_var('DBT_SCHEMA_PREFIX', '') }}{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
