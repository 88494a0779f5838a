{# Whether `key`, where it is present and not null, is a number in every element of an array. #}
{% macro json_array_numbers(array, key) -%}
    {{ return(adapter.dispatch('json_array_numbers', 'recwatch')(array, key)) }}
{%- endmacro %}

{% macro default__json_array_numbers(array, key) -%}
    not jsonb_path_exists(
        {{ array }}, '$[*].{{ key }} ? (@.type() != "number" && @.type() != "null")'
    )
{%- endmacro %}

{% macro duckdb__json_array_numbers(array, key) -%}
    len(list_filter(
        json_type({{ array }}, '$[*].{{ key }}'),
        lambda type: type not in ('NULL', 'DOUBLE', 'BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT')
    )) = 0
{%- endmacro %}

{% macro spark__json_array_numbers(array, key) -%}
    forall(
        cast(try_parse_json({{ array }}) as array<variant>),
        element -> {{ recwatch.spark__json_is_number(recwatch.spark__json_field('element', key)) }}
    )
{%- endmacro %}
