{# The text of a field that is a JSON string and not only spaces; null for anything else. #}
{% macro json_string(fields, key) -%}
    {{ return(json_text(json_field(fields, key))) }}
{%- endmacro %}

{# The same of a value itself, such as the element of an array of texts. #}
{% macro json_text(field) -%}
    {{ return(adapter.dispatch('json_string', 'recwatch')(field)) }}
{%- endmacro %}

{% macro default__json_string(field) -%}
    case
        when jsonb_typeof({{ field }}) = 'string'
            then {{ blank_to_null("(" ~ field ~ " #>> '{}')") }}
    end
{%- endmacro %}

{% macro duckdb__json_string(field) -%}
    {%- set text = "cast(" ~ field ~ " as varchar)" -%}
    {# Only a text with an escape needs the parser a second time. #}
    case
        when {{ text }}[1] <> '"' then null
        when contains({{ text }}, '\')
            then {{ blank_to_null("json_extract_string(" ~ text ~ ", '$')") }}
        else {{ blank_to_null(text ~ "[2:-2]") }}
    end
{%- endmacro %}

{% macro spark__json_string(field) -%}
    case
        when schema_of_variant({{ field }}) = 'STRING'
            then {{ blank_to_null("cast(" ~ field ~ " as string)") }}
    end
{%- endmacro %}
