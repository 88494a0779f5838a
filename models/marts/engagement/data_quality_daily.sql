{%- set ledgers = raw_ledgers() -%}
{%- set recompute = days_to_recompute(changed_load_days()) -%}

with

{% for source_table, ledger in ledgers.items() -%}
{{ source_table }} as (
    select
        load_day,
        '{{ source_table }}' as source_table,
        status,
        loaded_at
    from {{ ref(ledger) }}
    where {{ in_days('load_day', recompute) }}
),

{% endfor -%}
rejected_rows as (
    select
        load_day,
        source_table,
        status,
        loaded_at
    from {{ ref('int_rejected_rows_ledger') }}
    where {{ in_days('load_day', recompute) }}
),

{# Responses that count though they contradict themselves: the items decide. #}
contradictions as (
    {%- for reason in contradiction_reasons() %}
    select
        load_day,
        'decision_traces' as source_table,
        '{{ reason }}' as status,
        count(*) as row_count,
        max(loaded_at) as loaded_through
    from {{ ref('int_traces_ledger') }}
    where {{ in_days('load_day', recompute) }} and status = 'accepted' and is_{{ reason }}
    group by load_day
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

counted as (
    {%- for rows in ledgers.keys() | list + ['rejected_rows'] %}
    select
        load_day,
        source_table,
        status,
        count(*) as row_count,
        max(loaded_at) as loaded_through
    from {{ rows }}
    where status not in ('withdrawn', 'resolved')
    group by load_day, source_table, status
    union all
    {%- endfor %}
    select * from contradictions
),

final as (
    select
        load_day as day,
        source_table,
        status as reason,
        cast(sum(row_count) as bigint) as rows,
        max(loaded_through) as loaded_through
    from counted
    group by load_day, source_table, status
)

select * from final
