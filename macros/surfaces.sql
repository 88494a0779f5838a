{# The known surfaces and whether each shows impressions, as one text: what rows are refused, and
   which surfaces a coverage has, depends on it. Thresholds and owners may change freely. #}
{% macro known_surfaces() -%}
    {%- set surfaces = ref('surfaces') -%}
    {%- if not is_building() -%}{{ return('') }}{%- endif -%}
    {%- set names = [] -%}
    {%- for row in run_query("select surface, has_impressions from " ~ surfaces).rows -%}
        {%- do names.append(row[0] ~ '=' ~ (row[1] | string | lower)) -%}
    {%- endfor -%}
    {{ return(names | sort | join(' ')) }}
{%- endmacro %}
