{#- Shop events under the experiment that they were logged in: that of their response, else the one
    in which the user was assigned what the event's `variant` says. Clicks once per impression. -#}
with

shop_events as (
    select * from {{ ref('int_shop_events') }}
),

clicks as (
    select * from {{ ref('int_clicks') }}
),

responses as (
    select * from {{ ref('int_responses') }}
),

assignments as (
    select * from {{ ref('int_assignments_ledger') }}
    where status = 'accepted'
),

experiments as (
    select * from {{ ref('int_experiments') }}
),

surfaces as (
    select * from {{ ref('int_experiment_surfaces') }}
),

events as (
    select
        event_id,
        event_name,
        user_id,
        namespace,
        surface,
        trace_id,
        variant,
        revenue,
        created_at,
        loaded_at,
        day
    from shop_events
    where event_name <> 'click'
    union all
    select
        event_id,
        'click' as event_name,
        user_id,
        namespace,
        surface,
        trace_id,
        variant,
        cast(null as numeric(18, 4)) as revenue,
        created_at,
        loaded_at,
        day
    from clicks
),

candidates as (
    select
        events.event_id,
        assignments.experiment_key,
        row_number() over (
            partition by events.event_id
            order by
                assignments.assigned_at desc, {{ byte_order('assignments.experiment_key') }}
        ) as place
    from events
    inner join assignments
        on
            events.user_id = assignments.user_id
            and events.variant = assignments.variation
            and events.created_at >= assignments.assigned_at
    inner join experiments on assignments.experiment_key = experiments.experiment_key
    inner join surfaces
        on
            assignments.experiment_key = surfaces.experiment_key
            and events.surface = surfaces.surface
    where
        assignments.assigned_at >= experiments.started_at
        and (experiments.ended_at is null or events.created_at < experiments.ended_at)
),

assigned as (
    select * from candidates
    where place = 1
),

final as (
    select
        -- ids
        events.event_id,
        events.user_id,
        events.trace_id,

        -- text
        events.event_name,
        case
            when responses.experiment_key <> '(none)' then responses.experiment_key
            else coalesce(assigned.experiment_key, '(none)')
        end as experiment_key,
        case
            when responses.experiment_key <> '(none)' then responses.variation
            when assigned.experiment_key is not null then events.variant
            else '(none)'
        end as variation,
        events.namespace,
        events.surface,
        coalesce(responses.user_type, '(unknown)') as user_type,
        coalesce(responses.device, '(unknown)') as device,

        -- numerics
        events.revenue,

        -- times
        events.created_at,
        events.loaded_at,
        events.day
    from events
    left join responses on events.trace_id = responses.trace_id
    left join assigned on events.event_id = assigned.event_id
)

select * from final
