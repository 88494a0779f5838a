{#- An impression touches the day on which its session began, not its own. -#}
{%- set recompute = days_to_recompute(
    [
        changed_rows('int_sessions_ledger'),
        changed_rows(
            'int_impressions_ledger',
            first='sessions.day',
            join='inner join ' ~ ref('int_sessions') ~ ' as sessions'
                ~ ' on changed.session_id = sessions.session_id',
        ),
    ],
    settings={'surfaces': known_surfaces()},
) -%}

{%- set steps = [] -%}

{%- call step(steps, 'sessions') %}
    select * from {{ ref('int_sessions') }}
    where {{ in_days('day', recompute) }}
{% endcall -%}

{# Their impressions may lie on any day: those days are found before they are read. #}
{%- if recompute.days is not none -%}
{%- call step(steps, 'impression_days', once=true) %}
    select distinct ledger.day
    from {{ ref('int_impressions_ledger') }} as ledger
    where {{ has_one_of(
        'ledger.session_id', 'ledger.session_id_hash',
        'select sessions.session_id as key from sessions'
    ) }}
{% endcall -%}
{%- endif -%}

{%- call step(steps, 'impressions', apart=recompute.days is not none) %}
    select
        session_id,
        surface,
        loaded_at
    from {{ ref('int_impressions') }}
    where {{ 'true' if recompute.days is none else is_day_of(steps, 'impression_days', 'day') }}
{% endcall -%}

{{ with_steps(steps) }},

surfaces as (
    select * from {{ ref('surfaces') }}
    where has_impressions
),

visits as (
    select
        day,
        count(*) as sessions_total,
        max(loaded_at) as loaded_through
    from sessions
    group by day
),

covered as (
    select
        sessions.day,
        impressions.surface,
        count(distinct sessions.session_id) as sessions_with_impression,
        max(impressions.loaded_at) as loaded_through
    from impressions
    inner join sessions on impressions.session_id = sessions.session_id
    group by sessions.day, impressions.surface
),

final as (
    select
        visits.day,
        surfaces.surface,
        coalesce(covered.sessions_with_impression, 0) as sessions_with_impression,
        visits.sessions_total,
        {{ ratio('coalesce(covered.sessions_with_impression, 0)', 'visits.sessions_total') }}
            as session_coverage,
        greatest(visits.loaded_through, covered.loaded_through) as loaded_through
    from visits
    cross join surfaces
    left join covered on visits.day = covered.day and surfaces.surface = covered.surface
)

select * from final
