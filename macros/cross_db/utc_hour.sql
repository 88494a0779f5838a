{# The UTC hour in which an instant lies, whatever the session's time zone. #}
{% macro utc_hour(instant) -%}
    {{ return(adapter.dispatch('utc_hour', 'recwatch')(instant)) }}
{%- endmacro %}

{% macro default__utc_hour(instant) -%}
    date_trunc('hour', {{ instant }}, 'UTC')
{%- endmacro %}

{% macro duckdb__utc_hour(instant) -%}
    make_timestamptz(epoch_us({{ instant }}) // 3600000000 * 3600000000)
{%- endmacro %}

{% macro spark__utc_hour(instant) -%}
    date_trunc('hour', {{ instant }})
{%- endmacro %}
