{%- set recompute = days_to_recompute([changed_rows('int_impressions_ledger')]) -%}
{%- set attributes = {
    'category': 'category',
    'city': 'city',
    'personalization_score': 'score_decile',
} -%}

with

impressions as (
    select * from {{ ref('int_impressions') }}
    where {{ in_days('day', recompute) }}
),

graded as (
    select
        *,
        case
            when personalization_score is null then '(unknown)'
            when personalization_score < 0 or personalization_score > 1 then '(out of range)'
            {#- The bounds as doubles, as the scores are: times ten would misplace 0.7. #}
            {%- for tenth in range(9, -1, -1) %}
            when personalization_score >= cast({{ tenth / 10 }} as {{ type_double() }})
                then '{{ tenth / 10 }}-{{ (tenth + 1) / 10 }}'
            {%- endfor %}
        end as score_decile
    from impressions
),

final as (
    {%- for attribute, column in attributes.items() %}
    select
        day,
        surface,
        '{{ attribute }}' as attribute,
        {{ column }} as value,
        {{ engagement_measures() }},
        max(loaded_at) as loaded_through
    from graded
    group by day, surface, {{ column }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
