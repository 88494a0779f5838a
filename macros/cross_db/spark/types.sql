{# Contracts and seeds spell types as Postgres does; Spark has other names for some of them. #}
{% macro spark_type(data_type) -%}
    {{ return({
        'text': 'string',
        'timestamptz': 'timestamp',
        'double precision': 'double',
    }.get(data_type, data_type)) }}
{%- endmacro %}

{% macro spark__cast(field, type) -%}
    cast({{ field }} as {{ spark_type(type) }})
{%- endmacro %}

{# In Spark a backslash in a literal begins an escape. #}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}
