{#- The versions of an experiment that were in force while its current run went on: the newest one
    before the start (or else the first of all), and those after it. -#}
with

ledger as (
    select * from {{ ref('int_experiments_ledger') }}
    where status = 'accepted'
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

placed as (
    select
        ledger.experiment_key,
        ledger.arms,
        ledger.updated_at,
        case
            when
                row_number() over (
                    partition by ledger.experiment_key order by ledger.updated_at
                ) = 1
                then experiments.started_at
            else greatest(ledger.updated_at, experiments.started_at)
        end as from_at
    from ledger
    inner join experiments on ledger.experiment_key = experiments.experiment_key
    where
        {{ count_elements('ledger.arms') }} > 0
        and experiments.started_at is not null
        and (
            experiments.ended_at is null
            or ledger.updated_at < experiments.ended_at
            or ledger.updated_at = experiments.updated_at
        )
),

ranked as (
    select
        *,
        row_number() over (partition by experiment_key, from_at order by updated_at desc)
            as age_rank
    from placed
),

final as (
    select
        experiment_key,
        arms,
        from_at,
        row_number() over (partition by experiment_key order by from_at) as version,
        row_number() over (partition by experiment_key order by from_at desc) = 1 as is_newest
    from ranked
    where age_rank = 1
)

select * from final
