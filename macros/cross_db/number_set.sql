{# Sets of numbers from 0 to `size - 1`, as what the engine compares fastest. Only sets of the same
   `size` can be united or compared. #}

{# The set of one number. #}
{% macro number_set(number, size) -%}
    {{ return(adapter.dispatch('number_set', 'recwatch')(number, size)) }}
{%- endmacro %}

{% macro duckdb__number_set(number, size) -%}
    set_bit(cast(repeat('0', {{ size }}) as bit), cast({{ number }} as integer), 1)
{%- endmacro %}

{% macro postgres__number_set(number, size) -%}
    set_bit(
        cast(repeat('0', cast({{ size }} as integer)) as bit varying), cast({{ number }} as integer), 1
    )
{%- endmacro %}

{# Spark has no strings of bits. #}
{% macro spark__number_set(number, size) -%}
    array({{ number }})
{%- endmacro %}

{# An aggregate: the numbers that are in any set of the group; null sets have none. #}
{% macro union_of_sets(sets) -%}
    {{ return(adapter.dispatch('union_of_sets', 'recwatch')(sets)) }}
{%- endmacro %}

{% macro default__union_of_sets(sets) -%}
    bit_or({{ sets }})
{%- endmacro %}

{% macro spark__union_of_sets(sets) -%}
    array_distinct(flatten(collect_list({{ sets }})))
{%- endmacro %}

{# How many numbers are in both sets. A union without any is null on some engines. #}
{% macro numbers_in_both(numbers, others) -%}
    coalesce({{ adapter.dispatch('numbers_in_both', 'recwatch')(numbers, others) }}, 0)
{%- endmacro %}

{% macro default__numbers_in_both(numbers, others) -%}
    bit_count({{ numbers }} & {{ others }})
{%- endmacro %}

{% macro spark__numbers_in_both(numbers, others) -%}
    cast(size(array_intersect({{ numbers }}, {{ others }})) as bigint)
{%- endmacro %}
