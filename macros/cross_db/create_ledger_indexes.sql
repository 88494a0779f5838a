{# What makes the look-ups of an incremental build independent of the length of history. #}
{% macro create_ledger_indexes(ledger) -%}
    {{ return(adapter.dispatch('create_ledger_indexes', 'recwatch')(ledger)) }}
{%- endmacro %}

{# A columnar engine finds days, batches and load times by its statistics. #}
{% macro default__create_ledger_indexes(ledger) -%}
{%- endmacro %}

{% macro postgres__create_ledger_indexes(ledger) -%}
    {%- if execute and not is_incremental() %}
        {%- for column in ['row_key', 'day', 'loaded_at', 'load_day', 'batch'] + config.get('meta', {}).get('indexed', []) %}
create index on {{ ledger }} ({{ column }});
        {%- endfor %}
    {%- endif %}
{{ gather_statistics(ledger) }}
{%- endmacro %}
