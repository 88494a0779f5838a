{# What was served in a group of responses: the same in every mart. #}
{% macro response_measures() -%}
        count(*) as requests,
        cast(sum(served_items) as bigint) as served_items,
        cast(sum(personalized_items) as bigint) as personalized_items,
        {{ ratio('sum(personalized_items)', 'sum(served_items)') }} as personalized_impression_rate,
        cast(sum(reason_items) as bigint) as reason_items,
        {{ ratio('sum(reason_items)', 'sum(served_items)') }} as reason_coverage_rate
{%- endmacro %}


{# Entropy in bits of the shares of counts: -Σ s log2 s, over the rows of a group. #}
{% macro entropy_bits(count, total) -%}
    0 - sum({{ ratio(count, total) }} * ln({{ ratio(count, total) }})) / ln(2)
{%- endmacro %}
