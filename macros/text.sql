{# Missing means null or only spaces; nothing else is trimmed. #}
{% macro is_blank(column) -%}
    coalesce(trim({{ column }}), '') = ''
{%- endmacro %}

{% macro blank_to_null(column) -%}
    case when trim({{ column }}) <> '' then {{ column }} end
{%- endmacro %}

{# A text written out, whatever stands in it. #}
{% macro text_literal(text) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(text)) }}
{%- endmacro %}

{# A list of columns, each written by the same template: `{}` stands for the name. #}
{% macro listed(names, template) -%}
    {%- for name in names -%}
        {{ template | replace('{}', name) }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
