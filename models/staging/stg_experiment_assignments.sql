with

raw_assignments as (
    select * from {{ source('raw', 'experiment_assignments') }}
),

validated as (
    select
        *,
        case
            when {{ is_blank('experiment_key') }} or {{ is_blank('variation') }} then 'missing_id'
            when {{ is_blank('user_id') }} then 'missing_user'
            when {{ is_invalid_time('assigned_at') }} then 'invalid_time'
            when {{ is_future_time('assigned_at') }} then 'future_time'
        end as refused_reason
    from raw_assignments
),

final as (
    select
        -- ids
        {{ row_key_of([
            'experiment_key', 'user_id', 'variation',
            'cast(' ~ epoch_microseconds('assigned_at') ~ ' as ' ~ dbt.type_string() ~ ')',
        ]) }} as row_key,
        experiment_key,
        user_id,
        variation,

        -- times
        assigned_at,
        loaded_at,
        {{ ledger_day('assigned_at') }} as day,
        {{ local_day('loaded_at') }} as load_day,

        -- verdict
        refused_reason
    from validated
)

select * from final
