{# Microseconds since 1970-01-01 UTC, exactly: a text of a timestamp depends on the session. #}
{% macro epoch_microseconds(instant) -%}
    {{ return(adapter.dispatch('epoch_microseconds', 'recwatch')(instant)) }}
{%- endmacro %}

{% macro default__epoch_microseconds(instant) -%}
    cast(extract(epoch from {{ instant }}) * 1000000 as bigint)
{%- endmacro %}

{% macro duckdb__epoch_microseconds(instant) -%}
    epoch_us({{ instant }})
{%- endmacro %}

{% macro spark__epoch_microseconds(instant) -%}
    unix_micros({{ instant }})
{%- endmacro %}
