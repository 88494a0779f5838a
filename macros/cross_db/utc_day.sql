{# The UTC day of an instant, whatever the session's time zone. #}
{% macro utc_day(instant) -%}
    {{ return(adapter.dispatch('utc_day', 'recwatch')(instant)) }}
{%- endmacro %}

{% macro default__utc_day(instant) -%}
    cast(({{ instant }}) at time zone 'UTC' as date)
{%- endmacro %}

{% macro duckdb__utc_day(instant) -%}
    cast(make_timestamp(epoch_us({{ instant }})) as date)
{%- endmacro %}

{% macro spark__utc_day(instant) -%}
    cast({{ instant }} as date)
{%- endmacro %}
