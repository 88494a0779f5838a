{# A numeric field as a double; null where it is not one. Below 1e-300 is 0: Postgres refuses to
   round such a number itself. #}
{% macro json_number(fields, keys, key) -%}
    {{ return(adapter.dispatch('json_number', 'recwatch')(fields, keys, key)) }}
{%- endmacro %}

{% macro default__json_number(fields, keys, key) -%}
    {%- set number = "cast(" ~ fields ~ " ->> '" ~ key ~ "' as numeric)" -%}
    case
        when coalesce(jsonb_typeof({{ fields }} -> '{{ key }}'), 'null') <> 'number' then null
        when abs({{ number }}) >= 1e308 then null
        when abs({{ number }}) < 1e-300 then 0
        else cast({{ number }} as double precision)
    end
{%- endmacro %}

{% macro duckdb__json_number(fields, keys, key) -%}
    {%- set number = "try_cast(" ~ fields ~ "[" ~ (keys.index(key) + 1) ~ "] as double)" -%}
    case
        when not {{ json_is_number(fields, keys, key) }} then null
        when abs({{ number }}) < 1e-300 then 0
        else {{ number }}
    end
{%- endmacro %}

{% macro spark__json_number(fields, keys, key) -%}
    {%- set value = variant_field(fields, key) -%}
    case
        when not {{ is_variant_number(value) }} then null
        when abs(cast({{ value }} as double)) < 1e-300 then 0
        else cast({{ value }} as double)
    end
{%- endmacro %}
