{# A quotient as a double; null where there is nothing to divide by. #}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as {{ type_double() }}) / nullif({{ denominator }}, 0)
{%- endmacro %}

{# The Monday on or before a day. #}
{% macro week_of(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{# `2-5s`, `10-30m`, `60m+`: what people read for a bucket of dwell. #}
{% macro dwell_bucket_label(lower_ms, upper_ms) -%}
    {%- set unit, per = ('m', 60000) if (upper_ms or lower_ms) > 60000 else ('s', 1000) -%}
    {%- set lower = (lower_ms / per) | round(3) | string | replace('.0', '') -%}
    {%- if upper_ms is none -%}
        {{ lower }}{{ unit }}+
    {%- else -%}
        {{ lower }}-{{ (upper_ms / per) | round(3) | string | replace('.0', '') }}{{ unit }}
    {%- endif -%}
{%- endmacro %}

{# What was shown, clicked and dwelt upon in a group of impressions: the same in every mart. #}
{% macro engagement_measures() -%}
        count(*) as impressions,
        count(case when is_clicked then 1 end) as clicks,
        {{ ratio('count(case when is_clicked then 1 end)', 'count(*)') }} as ctr,
        count(dwell_time_ms) as dwell_events,
        cast(coalesce(sum(dwell_time_ms), 0) as numeric(38, 3)) as dwell_ms_sum,
        {{ ratio('sum(dwell_time_ms)', 'count(dwell_time_ms)') }} as avg_dwell_ms
{%- endmacro %}
