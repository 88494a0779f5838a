with

rejected_rows as (
    select * from {{ source('raw', 'rejected_rows') }}
),

final as (
    select
        -- ids
        {{ row_key_of([
            'source_table', 'file', 'cast(line as ' ~ dbt.type_string() ~ ')',
            'cast(' ~ epoch_microseconds('loaded_at') ~ ' as ' ~ dbt.type_string() ~ ')',
        ]) }} as row_key,

        -- text
        source_table,

        -- times
        loaded_at,
        {{ local_day('loaded_at') }} as day,
        {{ local_day('loaded_at') }} as load_day,

        -- verdict
        reason as refused_reason
    from rejected_rows
)

select * from final
