{# A numeric field as a double; null where it is not one. Below 1e-300 is 0: Postgres refuses to
   round such a number itself. #}
{% macro json_number(fields, key) -%}
    {{ return(adapter.dispatch('json_number', 'recwatch')(json_field(fields, key))) }}
{%- endmacro %}

{% macro default__json_number(field) -%}
    {%- set number = "cast(" ~ field ~ " as numeric)" -%}
    case
        when coalesce(jsonb_typeof({{ field }}), 'null') <> 'number' then null
        when abs({{ number }}) >= 1e308 then null
        when abs({{ number }}) < 1e-300 then 0
        else cast({{ number }} as double precision)
    end
{%- endmacro %}

{% macro duckdb__json_number(field) -%}
    {%- set number = "try_cast(cast(" ~ field ~ " as varchar) as double)" -%}
    case
        when not {{ recwatch.duckdb__json_is_number(field) }} then null
        when abs({{ number }}) < 1e-300 then 0
        else {{ number }}
    end
{%- endmacro %}

{% macro spark__json_number(field) -%}
    case
        when not {{ recwatch.spark__json_is_number(field) }} then null
        when abs(cast({{ field }} as double)) < 1e-300 then 0
        else cast({{ field }} as double)
    end
{%- endmacro %}
