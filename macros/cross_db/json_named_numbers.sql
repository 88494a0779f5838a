{# An object of objects as an array of (name, number), the number being the field `member` of each;
   null where there is no object. An array to be kept: see json_elements.sql. #}
{% macro json_named_numbers(fields, key, member) -%}
    {{ return(adapter.dispatch('json_named_numbers', 'recwatch')(json_field(fields, key), member)) }}
{%- endmacro %}

{% macro default__json_named_numbers(field, member) -%}
    (
            select jsonb_agg(jsonb_build_object(
                'name', named.name,
                'number', {{ json_number('named.value', member) }}
            ) order by named.name)
            from jsonb_each(case when jsonb_typeof({{ field }}) = 'object' then {{ field }} end)
                as named (name, value)
        )
{%- endmacro %}

{% macro duckdb__json_named_numbers(field, member) -%}
    list_transform(map_entries({{ field }}), lambda named: struct_pack(
            name := struct_extract(named, 'key'),
            number := {{ json_number(json_fields("struct_extract(named, 'value')", [member]), member) }}
        ))
{%- endmacro %}

{% macro spark__json_named_numbers(field, member) -%}
    transform(
            map_entries(try_variant_get({{ field }}, '$', 'map<string, variant>')),
            named -> named_struct('name', named.key, 'number', {{ json_number('named.value', member) }})
        )
{%- endmacro %}


{# Whether that field is absent, null or a number in each of the objects. #}
{% macro json_are_named_numbers(fields, key, member) -%}
    {{ return(adapter.dispatch('json_are_named_numbers', 'recwatch')(json_field(fields, key), member)) }}
{%- endmacro %}

{% macro default__json_are_named_numbers(field, member) -%}
    not exists (
                select 1
                from jsonb_each(case when jsonb_typeof({{ field }}) = 'object' then {{ field }} end)
                    as named (name, value)
                where
                    jsonb_typeof(named.value) not in ('object', 'null')
                    or not {{ json_is_number('named.value', member) }}
            )
{%- endmacro %}

{% macro duckdb__json_are_named_numbers(field, member) -%}
    coalesce(len(list_filter(map_values({{ field }}), lambda named:
                cast(named as varchar)[1] <> '{'
                or not {{ json_is_number(json_fields('named', [member]), member) }}
            )), 0) = 0
{%- endmacro %}

{% macro spark__json_are_named_numbers(field, member) -%}
    coalesce(forall(
                map_values(try_variant_get({{ field }}, '$', 'map<string, variant>')),
                named -> {{ variant_type('named') }} in ('object', 'null')
                    and {{ json_is_number('named', member) }}
            ), true)
{%- endmacro %}
