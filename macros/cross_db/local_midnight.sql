{# The instant at which a calendar day begins in the reporting time zone. #}
{% macro local_midnight(day) -%}
    {{ return(adapter.dispatch('local_midnight', 'recwatch')(day)) }}
{%- endmacro %}

{% macro default__local_midnight(day) -%}
    (cast({{ day }} as timestamp) at time zone '{{ var("reporting_timezone") }}')
{%- endmacro %}

{% macro spark__local_midnight(day) -%}
    to_utc_timestamp(cast({{ day }} as timestamp), '{{ var("reporting_timezone") }}')
{%- endmacro %}
