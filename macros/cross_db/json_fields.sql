{# Reading fields of a JSON document, without ever failing on its content.

   `json_fields(document, keys)` is the document opened once, a column to be named and kept;
   `json_string`, `json_number` and `json_is_number` read one of the keys from that column. On
   DuckDB the opened document is the list of the fields' texts: parsing once and not once a field
   makes it twice as fast. #}
{% macro json_fields(document, keys) -%}
    {{ return(adapter.dispatch('json_fields', 'recwatch')(document, keys)) }}
{%- endmacro %}

{% macro default__json_fields(document, keys) -%}
    {{ document }}
{%- endmacro %}

{% macro duckdb__json_fields(document, keys) -%}
    cast(json_extract({{ document }}, [
        {%- for key in keys %}'$."{{ key }}"'{{ ', ' if not loop.last }}{% endfor -%}
    ]) as varchar [])
{%- endmacro %}

{% macro spark__json_fields(document, keys) -%}
    try_parse_json({{ document }})
{%- endmacro %}

{# A field of a variant, as a variant: null where it is absent. #}
{% macro variant_field(variant, key) -%}
    try_variant_get({{ variant }}, '$["{{ key }}"]')
{%- endmacro %}
