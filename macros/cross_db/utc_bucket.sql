{# The start of the bucket of so many minutes, counted from UTC midnight, in which an instant lies. #}
{% macro utc_bucket(instant, minutes) -%}
    {{ return(adapter.dispatch('utc_bucket', 'recwatch')(instant, minutes)) }}
{%- endmacro %}

{% macro default__utc_bucket(instant, minutes) -%}
    date_bin(interval '{{ minutes }} minutes', {{ instant }}, {{ instant_literal('2000-01-01 00:00:00+00:00') }})
{%- endmacro %}

{% macro duckdb__utc_bucket(instant, minutes) -%}
    {%- set length = minutes * 60000000 -%}
    make_timestamptz(epoch_us({{ instant }}) - ((epoch_us({{ instant }}) % {{ length }}) + {{ length }}) % {{ length }})
{%- endmacro %}

{% macro spark__utc_bucket(instant, minutes) -%}
    {%- set length = minutes * 60000000 -%}
    timestamp_micros(unix_micros({{ instant }}) - pmod(unix_micros({{ instant }}), {{ length }}))
{%- endmacro %}
