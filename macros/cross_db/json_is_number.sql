{# Whether a field is absent, null or a number that a double can hold. #}
{% macro json_is_number(fields, keys, key) -%}
    {{ return(adapter.dispatch('json_is_number', 'recwatch')(fields, keys, key)) }}
{%- endmacro %}

{% macro default__json_is_number(fields, keys, key) -%}
    case coalesce(jsonb_typeof({{ fields }} -> '{{ key }}'), 'null')
        when 'null' then true
        when 'number' then abs(cast({{ fields }} ->> '{{ key }}' as numeric)) < 1e308
        else false
    end
{%- endmacro %}

{% macro duckdb__json_is_number(fields, keys, key) -%}
    {%- set field = fields ~ '[' ~ (keys.index(key) + 1) ~ ']' -%}
    case
        when {{ field }} is null or {{ field }} = 'null' then true
        when {{ field }} [1] not in ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9') then false
        else coalesce(abs(try_cast({{ field }} as double)) < 1e308, false)
    end
{%- endmacro %}

{% macro spark__json_is_number(fields, keys, key) -%}
    {{ is_variant_number(variant_field(fields, key)) }}
{%- endmacro %}

{# For an element of an array too: see json_array_numbers. #}
{% macro is_variant_number(value) -%}
    case
        when coalesce(schema_of_variant({{ value }}), 'VOID') = 'VOID' then true
        when {{ variant_type(value) }} = 'number' then abs(cast({{ value }} as double)) < 1e308
        else false
    end
{%- endmacro %}
