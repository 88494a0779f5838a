{# The raw tables that the models read, each with its ledger. #}
{% macro raw_ledgers() -%}
    {{ return({
        'personalization_metrics': 'int_impressions_ledger',
        'user_interactions': 'int_interactions_ledger',
        'sessions': 'int_sessions_ledger',
        'experiments': 'int_experiments_ledger',
        'experiment_assignments': 'int_assignments_ledger',
        'personalization_settings': 'int_settings_ledger',
    }) }}
{%- endmacro %}
