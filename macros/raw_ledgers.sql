{# The raw tables that the models read, each with its ledger. #}
{% macro raw_ledgers() -%}
    {{ return({
        'personalization_metrics': 'int_impressions_ledger',
        'user_interactions': 'int_interactions_ledger',
        'sessions': 'int_sessions_ledger',
        'experiments': 'int_experiments_ledger',
        'experiment_assignments': 'int_assignments_ledger',
        'personalization_settings': 'int_settings_ledger',
        'decision_traces': 'int_traces_ledger',
        'shop_events': 'int_shop_events_ledger',
        'catalog_items': 'int_catalog_ledger',
    }) }}
{%- endmacro %}


{# The load days of every row that came or became something else, whatever it is. #}
{% macro changed_load_days() -%}
    {%- set inputs = [] -%}
    {%- for ledger in raw_ledgers().values() | list + ['int_rejected_rows_ledger'] -%}
        {%- do inputs.append(
            changed_rows(ledger, first='changed.load_day', of_any_status=true)
        ) -%}
    {%- endfor -%}
    {{ return(inputs) }}
{%- endmacro %}


{# What data_quality_daily says of rows that it counts as accepted as well. #}
{% macro contradiction_reasons() -%}
    {{ return(['personalized_count_wrong', 'reason_count_wrong']) }}
{%- endmacro %}
