{# The text of a field that is a JSON string and not only spaces; null for anything else. #}
{% macro json_string(fields, keys, key) -%}
    {{ return(adapter.dispatch('json_string', 'recwatch')(fields, keys, key)) }}
{%- endmacro %}

{% macro default__json_string(fields, keys, key) -%}
    case
        when jsonb_typeof({{ fields }} -> '{{ key }}') = 'string'
            then {{ blank_to_null(fields ~ " ->> '" ~ key ~ "'") }}
    end
{%- endmacro %}

{% macro duckdb__json_string(fields, keys, key) -%}
    {%- set field = fields ~ '[' ~ (keys.index(key) + 1) ~ ']' -%}
    {# Only a text with an escape needs the parser a second time. #}
    case
        when {{ field }} [1] <> '"' then null
        when contains({{ field }}, '\')
            then {{ blank_to_null("json_extract_string(" ~ field ~ ", '$')") }}
        else {{ blank_to_null(field ~ "[2:-2]") }}
    end
{%- endmacro %}

{% macro spark__json_string(fields, keys, key) -%}
    {%- set field = variant_field(fields, key) -%}
    case
        when schema_of_variant({{ field }}) = 'STRING'
            then {{ blank_to_null("cast(" ~ field ~ " as string)") }}
    end
{%- endmacro %}
