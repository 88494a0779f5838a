{# The elements of an array in a field, opened; null where the field is no array. Without a key the
   document itself is the array.

   What takes such an array names the element `item`: `json_number('item', 'rank')`. #}
{% macro json_elements(fields, key=none) -%}
    {{ return(adapter.dispatch('json_elements', 'recwatch')(
        json_field(fields, key) if key is not none else fields
    )) }}
{%- endmacro %}

{% macro default__json_elements(field) -%}
    case when jsonb_typeof({{ field }}) = 'array' then {{ field }} end
{%- endmacro %}

{% macro duckdb__json_elements(field) -%}
    {{ field }}
{%- endmacro %}

{% macro spark__json_elements(field) -%}
    try_variant_get({{ field }}, '$', 'array<variant>')
{%- endmacro %}


{# How many elements there are for which a condition holds; 0 where there is no array. #}
{% macro count_elements(elements, condition='true') -%}
    {{ return(adapter.dispatch('count_elements', 'recwatch')(elements, condition)) }}
{%- endmacro %}

{% macro default__count_elements(elements, condition) -%}
    (select count(*) from jsonb_array_elements({{ elements }}) as elements (item) where {{ condition }})
{%- endmacro %}

{% macro duckdb__count_elements(elements, condition) -%}
    {%- if condition == 'true' -%}
        coalesce(len({{ elements }}), 0)
    {%- else -%}
        coalesce(len(list_filter({{ elements }}, lambda item: {{ condition }})), 0)
    {%- endif -%}
{%- endmacro %}

{% macro spark__count_elements(elements, condition) -%}
    cast(coalesce(array_size(filter({{ elements }}, item -> {{ condition }})), 0) as bigint)
{%- endmacro %}


{# The elements as rows of plain columns, an array to be kept. `columns` maps each name to an
   expression over `item` and `place`, its place in the array from 1 on. #}
{% macro typed_elements(elements, columns) -%}
    {{ return(adapter.dispatch('typed_elements', 'recwatch')(elements, columns)) }}
{%- endmacro %}

{% macro default__typed_elements(elements, columns) -%}
    (
            select jsonb_agg(jsonb_build_object(
                {%- for name, expression in columns.items() %}
                '{{ name }}', {{ expression }}{{ ',' if not loop.last }}
                {%- endfor %}
            ) order by place)
            from jsonb_array_elements({{ elements }}) with ordinality as elements (item, place)
        )
{%- endmacro %}

{# Places are zipped in: the linter cannot read a lambda of two arguments. #}
{% macro duckdb__typed_elements(elements, columns) -%}
    list_transform(list_zip({{ elements }}, range(1, len({{ elements }}) + 1)), lambda pair: struct_pack(
            {%- for name, expression in columns.items() %}
            {%- set expression = modules.re.sub('\\bitem\\b', 'struct_extract(pair, 1)', expression) %}
            {{ name }} := {{ modules.re.sub('\\bplace\\b', 'struct_extract(pair, 2)', expression) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ))
{%- endmacro %}

{# Spark counts places from 0. #}
{% macro spark__typed_elements(elements, columns) -%}
    transform({{ elements }}, (item, place) -> named_struct(
            {%- for name, expression in columns.items() %}
            '{{ name }}', {{ modules.re.sub('\\bplace\\b', '(place + 1)', expression) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ))
{%- endmacro %}


{# The from-clause that gives a row for each element of a kept array: `item.name`. `columns` maps
   each name to its type. #}
{% macro each_element(relation, elements, columns) -%}
    {{ return(adapter.dispatch('each_element', 'recwatch')(relation, elements, columns)) }}
{%- endmacro %}

{% macro default__each_element(relation, elements, columns) -%}
    {{ relation }}
    cross join lateral jsonb_to_recordset({{ elements }}) as item (
        {%- for name, type in columns.items() %}{{ name }} {{ type }}{{ ', ' if not loop.last }}{% endfor -%}
    )
{%- endmacro %}

{% macro duckdb__each_element(relation, elements, columns) -%}
    {{ relation }}
    cross join lateral (
        select
            {%- for name in columns %}
            struct_extract(elements.element, '{{ name }}') as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from (select unnest({{ elements }}) as element) as elements
    ) as item
{%- endmacro %}

{% macro spark__each_element(relation, elements, columns) -%}
    {{ relation }}
    lateral view explode({{ elements }}) element as item
{%- endmacro %}
