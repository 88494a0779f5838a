{# A boolean field; null where it is absent or anything else. #}
{% macro json_boolean(fields, key) -%}
    {{ return(adapter.dispatch('json_boolean', 'recwatch')(json_field(fields, key))) }}
{%- endmacro %}

{% macro default__json_boolean(field) -%}
    case cast({{ field }} as {{ dbt.type_string() }}) when 'true' then true when 'false' then false end
{%- endmacro %}

{% macro spark__json_boolean(field) -%}
    case when schema_of_variant({{ field }}) = 'BOOLEAN' then cast({{ field }} as boolean) end
{%- endmacro %}


{# Whether a field is absent, null or a boolean. #}
{% macro json_is_boolean(fields, key) -%}
    {{ return(adapter.dispatch('json_is_boolean', 'recwatch')(json_field(fields, key))) }}
{%- endmacro %}

{% macro default__json_is_boolean(field) -%}
    coalesce(cast({{ field }} as {{ dbt.type_string() }}) in ('true', 'false', 'null'), true)
{%- endmacro %}

{% macro spark__json_is_boolean(field) -%}
    coalesce(schema_of_variant({{ field }}), 'VOID') in ('VOID', 'BOOLEAN')
{%- endmacro %}
