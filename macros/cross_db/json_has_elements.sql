{# Whether an array in a field holds anything; null where the field is no array. #}
{% macro json_has_elements(fields, key) -%}
    {{ return(adapter.dispatch('json_has_elements', 'recwatch')(json_field(fields, key))) }}
{%- endmacro %}

{% macro default__json_has_elements(field) -%}
    case when jsonb_typeof({{ field }}) = 'array' then {{ field }} <> cast('[]' as jsonb) end
{%- endmacro %}

{% macro duckdb__json_has_elements(field) -%}
    case when cast({{ field }} as varchar)[1] = '[' then cast({{ field }} as varchar) <> '[]' end
{%- endmacro %}

{% macro spark__json_has_elements(field) -%}
    array_size(try_variant_get({{ field }}, '$', 'array<variant>')) > 0
{%- endmacro %}
