{# Missing means null or only spaces; nothing else is trimmed. #}
{% macro is_blank(column) -%}
    coalesce(trim({{ column }}), '') = ''
{%- endmacro %}

{% macro blank_to_null(column) -%}
    case when trim({{ column }}) <> '' then {{ column }} end
{%- endmacro %}
