{# The type of a whole JSON value: object, array, string, number, boolean, null; SQL null for none. #}
{% macro json_type(value) -%}
    {{ return(adapter.dispatch('json_type', 'recwatch')(value)) }}
{%- endmacro %}

{% macro default__json_type(value) -%}
    jsonb_typeof({{ value }})
{%- endmacro %}

{# The first character tells, at a tenth of the cost of parsing. #}
{% macro duckdb__json_type(value) -%}
    case left(ltrim(cast({{ value }} as varchar), chr(32) || chr(9) || chr(10) || chr(13)), 1)
        when '{' then 'object'
        when '[' then 'array'
        when '"' then 'string'
        when 'n' then 'null'
        when 't' then 'boolean'
        when 'f' then 'boolean'
        else case when {{ value }} is not null then 'number' end
    end
{%- endmacro %}

{# JSON is text here, which nothing but the loader has checked. #}
{% macro spark__json_type(value) -%}
    case
        when {{ value }} is not null and try_parse_json({{ value }}) is null then 'invalid'
        else {{ variant_type('try_parse_json(' ~ value ~ ')') }}
    end
{%- endmacro %}

{# The names that schema_of_variant has, `DECIMAL(2,1)` or `ARRAY<…>`, without what follows. #}
{% macro variant_type(variant) -%}
    case regexp_substr(schema_of_variant({{ variant }}), '[A-Z]+')
        when 'OBJECT' then 'object'
        when 'ARRAY' then 'array'
        when 'STRING' then 'string'
        when 'BOOLEAN' then 'boolean'
        when 'VOID' then 'null'
        when 'BIGINT' then 'number'
        when 'DECIMAL' then 'number'
        when 'DOUBLE' then 'number'
    end
{%- endmacro %}


{# The same of a field of an opened document. #}
{% macro json_field_type(fields, key) -%}
    {{ return(adapter.dispatch('json_field_type', 'recwatch')(json_field(fields, key))) }}
{%- endmacro %}

{% macro default__json_field_type(field) -%}
    {{ return(json_type(field)) }}
{%- endmacro %}

{% macro spark__json_field_type(field) -%}
    {{ return(variant_type(field)) }}
{%- endmacro %}
