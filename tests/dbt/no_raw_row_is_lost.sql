-- Each raw row is accepted, a duplicate or refused: none is missing from its ledger. Counted over
-- the newest load days (var identity_test_days) and up to what the ledger had read: rows that
-- arrive or change while the build runs are left to the next one.
{% set tables = raw_ledgers() %}
{% set recent = "interval '" ~ (var('identity_test_days') | int * 24) ~ " hours'" %}
{% set overlap = "interval '" ~ var('watermark_overlap_minutes') ~ " minutes'" %}

with

{% for table, ledger in tables.items() -%}
{{ table }}_read as (
    select least(max(loaded_through), current_timestamp - {{ overlap }}) as loaded_at
    from {{ build_log() }}
    where model = '{{ ledger }}'
),

{% endfor -%}
raw_rows as (
    {%- for table in tables %}
    select
        '{{ table }}' as source_table,
        {{ local_day('raw.loaded_at') }} as load_day,
        count(*) as row_count
    from {{ source('raw', table) }} as raw
    inner join {{ table }}_read as seen
        on raw.loaded_at <= seen.loaded_at and raw.loaded_at > seen.loaded_at - {{ recent }}
    group by {{ local_day('raw.loaded_at') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ledger_rows as (
    {%- for table, ledger in tables.items() %}
    select
        '{{ table }}' as source_table,
        ledger.load_day,
        count(*) as row_count
    from {{ ref(ledger) }} as ledger
    inner join {{ table }}_read as seen
        on ledger.loaded_at <= seen.loaded_at and ledger.loaded_at > seen.loaded_at - {{ recent }}
    where ledger.status not in ('withdrawn', 'resolved')
    group by ledger.load_day
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    raw_rows.source_table,
    raw_rows.load_day,
    raw_rows.row_count,
    ledger_rows.row_count as ledger_row_count
from raw_rows
left join ledger_rows
    on
        raw_rows.source_table = ledger_rows.source_table
        and raw_rows.load_day = ledger_rows.load_day
where raw_rows.row_count > coalesce(ledger_rows.row_count, 0)
