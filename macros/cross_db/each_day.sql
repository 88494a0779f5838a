{# The from-clause that gives a row for each day from one to another: `calendar.day`. #}
{% macro each_day(relation, first, last) -%}
    {{ return(adapter.dispatch('each_day', 'recwatch')(relation, first, last)) }}
{%- endmacro %}

{% macro default__each_day(relation, first, last) -%}
    {{ relation }}
    cross join lateral (
        select cast(days.day as date) as day
        from generate_series(
            cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '1 day'
        ) as days (day)
    ) as calendar
{%- endmacro %}

{% macro duckdb__each_day(relation, first, last) -%}
    {{ relation }}
    cross join lateral (
        select cast(unnest(generate_series(
            cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '1 day'
        )) as date) as day
    ) as calendar
{%- endmacro %}

{# A sequence cannot run backwards here: where the last day lies before the first there is none. #}
{% macro spark__each_day(relation, first, last) -%}
    {{ relation }}
    lateral view explode(
        case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}) else array() end
    ) calendar as day
{%- endmacro %}
