-- What data_quality_daily says of the newest load days is what the ledgers hold: every row that
-- was read, under exactly one reason.
{% set tables = raw_ledgers() %}
{% set recent = "interval '" ~ (var('identity_test_days') | int * 24) ~ " hours'" %}

with

ledger_rows as (
    {%- for table, ledger in tables.items() %}
    select
        '{{ table }}' as source_table,
        load_day,
        count(*) as row_count
    from {{ ref(ledger) }}
    where
        status not in ('withdrawn', 'resolved')
        and load_day >= (select max(last.load_day) from {{ ref(ledger) }} as last) - {{ recent }}
    group by load_day
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

rejected_rows as (
    select
        source_table,
        load_day,
        count(*) as row_count
    from {{ ref('int_rejected_rows_ledger') }}
    group by source_table, load_day
),

counted as (
    select
        source_table,
        day,
        sum(rows) as row_count
    from {{ ref('data_quality_daily') }}
    where
        reason not in (
            {%- for reason in contradiction_reasons() %}
            '{{ reason }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
    group by source_table, day
)

select
    ledger_rows.source_table,
    ledger_rows.load_day,
    ledger_rows.row_count,
    rejected_rows.row_count as rejected_row_count,
    counted.row_count as counted_row_count
from ledger_rows
left join rejected_rows
    on
        ledger_rows.source_table = rejected_rows.source_table
        and ledger_rows.load_day = rejected_rows.load_day
left join counted
    on ledger_rows.source_table = counted.source_table and ledger_rows.load_day = counted.day
where
    ledger_rows.row_count + coalesce(rejected_rows.row_count, 0)
    is distinct from counted.row_count
