{# Whether a field of a document is absent, null or of one kind: 'object', or 'array' for an array
   of objects. `fields` is the document opened; `usual` a key that a sound object has, by which
   DuckDB, whose opened fields do not tell an object without the keys of the shape from something
   else, sees at no cost that all is well. #}
{% macro json_holds(kind, document, fields, key, usual=none) -%}
    {{ return(adapter.dispatch('json_holds', 'recwatch')(kind, document, fields, key, usual)) }}
{%- endmacro %}

{% macro default__json_holds(kind, document, fields, key, usual) -%}
    (
                coalesce(jsonb_typeof({{ json_field(fields, key) }}), 'null') in ('{{ kind }}', 'null')
                {%- if kind == 'array' %}
                and not jsonb_path_exists(
                    {{ json_elements(fields, key) }}, 'strict $[*] ? (@.type() != "object")'
                )
                {%- endif %}
            )
{%- endmacro %}

{% macro duckdb__json_holds(kind, document, fields, key, usual) -%}
    {%- set field = json_field(fields, key) -%}
    case
                {%- if kind == 'array' %}
                when len({{ field }}) > 0 and {{ count_elements(field, json_field('item', usual) ~ ' is null') }} = 0 then true
                {%- elif usual %}
                when {{ json_field(field, usual) }} is not null then true
                {%- else %}
                when {{ field }} is not null then true
                {%- endif %}
                else
                    coalesce(json_type({{ document }}, '$.{{ key }}'), 'NULL') in ('{{ kind | upper }}', 'NULL')
                    {%- if kind == 'array' %}
                    and len(list_filter(
                        json_type({{ document }}, '$.{{ key }}[*]'), lambda type: type <> 'OBJECT'
                    )) = 0
                    {%- endif %}
            end
{%- endmacro %}

{% macro spark__json_holds(kind, document, fields, key, usual) -%}
    (
                coalesce({{ variant_type(json_field(fields, key)) }}, 'null') in ('{{ kind }}', 'null')
                {%- if kind == 'array' %}
                and coalesce(forall(
                    {{ json_elements(fields, key) }}, item -> {{ variant_type('item') }} = 'object'
                ), true)
                {%- endif %}
            )
{%- endmacro %}
