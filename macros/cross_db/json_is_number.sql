{# Whether a field is absent, null or a number that a double can hold. #}
{% macro json_is_number(fields, key) -%}
    {{ return(adapter.dispatch('json_is_number', 'recwatch')(json_field(fields, key))) }}
{%- endmacro %}

{% macro default__json_is_number(field) -%}
    case coalesce(jsonb_typeof({{ field }}), 'null')
        when 'null' then true
        when 'number' then abs(cast({{ field }} as numeric)) < 1e308
        else false
    end
{%- endmacro %}

{% macro duckdb__json_is_number(field) -%}
    {%- set text = "cast(" ~ field ~ " as varchar)" -%}
    case
        when {{ field }} is null then true
        when {{ text }}[1] not in ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9') then false
        else coalesce(abs(try_cast({{ text }} as double)) < 1e308, false)
    end
{%- endmacro %}

{% macro spark__json_is_number(field) -%}
    case
        when coalesce(schema_of_variant({{ field }}), 'VOID') = 'VOID' then true
        when {{ variant_type(field) }} = 'number' then abs(cast({{ field }} as double)) < 1e308
        else false
    end
{%- endmacro %}
