{# Parts of topk_overlap_daily. #}

{# What the overlap of lists depends on beside the lists. #}
{% macro overlap_settings() -%}
    {{ return({
        'overlap_exact_max_users': var('overlap_exact_max_users') | int,
        'overlap_pairs_per_user': var('overlap_pairs_per_user') | int,
    }) }}
{%- endmacro %}


{# A percentile of the pairs, linearly interpolated: its place among them in order, counted from 0,
   lies between two pairs, found by how many there are up to each value. #}
{% macro percentile_place(share) -%}
    {{ share }} * (groups.pairs - 1)
{%- endmacro %}

{% macro percentile_neighbours(name, share) -%}
    min(case when cumulated.pairs_to_here > floor({{ percentile_place(share) }}) then cumulated.jaccard end)
            as {{ name }}_below,
        min(case when cumulated.pairs_to_here > ceil({{ percentile_place(share) }}) then cumulated.jaccard end)
            as {{ name }}_above
{%- endmacro %}

{% macro percentile_between(name, share) -%}
    summarised.{{ name }}_below
        + ({{ percentile_place(share) }} - floor({{ percentile_place(share) }}))
        * (summarised.{{ name }}_above - summarised.{{ name }}_below) as {{ name }}
{%- endmacro %}
