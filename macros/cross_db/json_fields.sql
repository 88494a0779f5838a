{# Reading a JSON document, without ever failing on its content.

   `json_fields(document, shape)` is the document opened once, a column to be named and kept;
   `json_field` is one of its fields, opened as far as the shape says, and `json_string`,
   `json_number`, `json_boolean` and their kin read a field. The shape names the keys that will be
   asked for: a list of keys, or a mapping from key to none (a value), to a shape (an object), to
   a list of one shape (an array of objects) or to 'named' (an object whose keys are data). Only
   DuckDB makes use of it: parsing once and not once a field makes it several times as fast. #}
{% macro json_fields(document, shape) -%}
    {{ return(adapter.dispatch('json_fields', 'recwatch')(document, shape)) }}
{%- endmacro %}

{% macro default__json_fields(document, shape) -%}
    {{ document }}
{%- endmacro %}

{% macro duckdb__json_fields(document, shape) -%}
    from_json({{ document }}, '{{ json_shape(shape) }}')
{%- endmacro %}

{% macro spark__json_fields(document, shape) -%}
    try_parse_json({{ document }})
{%- endmacro %}

{# The shape as DuckDB writes it. Every value stays JSON: its type is judged later. #}
{% macro json_shape(shape) -%}
    {%- if shape is none -%}
        "JSON"
    {%- elif shape is string -%}
        "MAP(VARCHAR, JSON)"
    {%- elif shape is mapping -%}
        {
        {%- for key, inner in shape.items() -%}
            "{{ key }}": {{ json_shape(inner) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        }
    {%- elif shape[0] is string -%}
        {{ json_shape(dict.fromkeys(shape)) }}
    {%- else -%}
        [{{ json_shape(shape[0]) }}]
    {%- endif -%}
{%- endmacro %}


{% macro json_field(fields, key) -%}
    {{ return(adapter.dispatch('json_field', 'recwatch')(fields, key)) }}
{%- endmacro %}

{% macro default__json_field(fields, key) -%}
    ({{ fields }} -> '{{ key }}')
{%- endmacro %}

{% macro duckdb__json_field(fields, key) -%}
    struct_extract({{ fields }}, '{{ key }}')
{%- endmacro %}

{# A variant: null where the field is absent. #}
{% macro spark__json_field(fields, key) -%}
    try_variant_get({{ fields }}, '$["{{ key }}"]')
{%- endmacro %}
