{# What is counted of a user in an experiment: name, type. Every metric is one of these, divided by
   another or by the number of users. #}
{% macro experiment_measures() -%}
    {{ return({
        'impressions': 'bigint', 'clicks': 'bigint', 'saves': 'bigint',
        'dwell_ms': 'numeric(18, 3)', 'dwell_events': 'bigint',
        'adds': 'bigint', 'revenue': 'numeric(18, 4)', 'revenue_anywhere': 'numeric(18, 4)',
        'served_items': 'bigint', 'personalized_items': 'bigint', 'unavailable_items': 'bigint',
        'timed_responses': 'bigint', 'slow_responses': 'bigint',
        'responses_over_threshold': 'bigint',
        'judged_sessions': 'bigint', 'bounced_sessions': 'bigint',
        'watched_sessions': 'bigint', 'crash_free_sessions': 'bigint',
    }) }}
{%- endmacro %}

{# The measures that only one source of an experiment tells of. #}
{% macro measures_of_source() -%}
    {{ return({
        'personalization_metrics': ['dwell_ms', 'dwell_events'],
        'shop_events': [
            'adds', 'revenue', 'revenue_anywhere', 'served_items', 'personalized_items',
            'unavailable_items', 'timed_responses', 'slow_responses', 'responses_over_threshold',
        ],
    }) }}
{%- endmacro %}

{# The measures that belong to no surface: of visits, and of what is saved later. #}
{% macro measures_without_surface() -%}
    {{ return([
        'saves', 'judged_sessions', 'bounced_sessions', 'watched_sessions', 'crash_free_sessions',
    ]) }}
{%- endmacro %}

{# The measures that any experiment there is can have: the others cost nothing then. #}
{% macro measures_in_use() -%}
    {%- set experiments = ref('int_experiments') -%}
    {%- set absent = [] -%}
    {%- if is_building() -%}
        {%- set sources = run_query('select distinct source from ' ~ experiments).columns[0].values() -%}
        {%- for source, measures in measures_of_source().items() if source not in sources -%}
            {%- do absent.extend(measures) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(experiment_measures() | reject('in', absent) | list) }}
{%- endmacro %}

{# One row of an event stream: the measures it has, as expressions; the others are null. #}
{% macro measures_of_event(given) -%}
    {%- for measure, type in experiment_measures().items() %}
        cast({{ given.get(measure, 'null') }} as {{ type }}) as {{ measure }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The sums of the measures over a group of rows; those not in use are 0. #}
{% macro sums_of_measures(in_use) -%}
    {%- for measure, type in experiment_measures().items() %}
        cast({{ 'coalesce(sum(' ~ measure ~ '), 0)' if measure in in_use else '0' }} as {{ type }}) as {{ measure }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Totals of measures, each of its measure's type: a sum alone would be of a type twice as wide, and
   carried through every join. `total` and `name` are templates. #}
{% macro totals_of_measures(measures, total, name) -%}
    {%- set types = experiment_measures() -%}
    {%- for measure in measures %}
        cast({{ total | replace('{}', measure) }} as {{ types[measure] }}) as {{ name | replace('{}', measure) }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{# The metrics of `seeds/experiment_metrics.csv`, as they stand when a model is built. #}
{% macro experiment_metrics() -%}
    {%- set example = [
        {'metric': 'ctr', 'numerator': 'clicks', 'denominator': 'impressions', 'cap': none},
    ] -%}
    {%- set seed = ref('experiment_metrics') -%}
    {%- if not is_building() -%}{{ return(example) }}{%- endif -%}
    {%- set metrics = [] -%}
    {%- for row in run_query(
        'select metric, numerator, denominator, cap from ' ~ seed ~ ' order by metric'
    ).rows -%}
        {%- do metrics.append({
            'metric': row[0], 'numerator': row[1], 'denominator': row[2],
            'cap': row[3] | string if row[3] is not none else none,
        }) -%}
    {%- endfor -%}
    {{ return(metrics) }}
{%- endmacro %}


{# Of the metrics those that any experiment there is can have. #}
{% macro metrics_in_use(metrics) -%}
    {%- set measures = measures_in_use() + ['users'] -%}
    {%- set found = [] -%}
    {%- for metric in metrics if metric.numerator in measures and metric.denominator in measures -%}
        {%- do found.append(metric) -%}
    {%- endfor -%}
    {{ return(found or metrics) }}
{%- endmacro %}


{# The sources for which a metric can be had: those that tell of its numerator and denominator. #}
{% macro sources_of_metric(metric) -%}
    {%- set sources = [] -%}
    {%- for source, only_here in measures_of_source().items() -%}
        {%- set elsewhere = [] -%}
        {%- for other, measures in measures_of_source().items() if other != source -%}
            {%- do elsewhere.extend(measures) -%}
        {%- endfor -%}
        {%- if metric.numerator not in elsewhere and metric.denominator not in elsewhere -%}
            {%- do sources.append(source) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(sources) }}
{%- endmacro %}


{# The length of the window before exposure from which CUPED takes its covariate. #}
{% macro covariate_window() -%}
    interval '{{ (var('cuped_window_days') | int) * 24 }} hours'
{%- endmacro %}


{# Clicks as an input of a model that counts one per impression: a click that came or went decides
   which of its twins, those of the same user, response and item, counts. #}
{% macro changed_clicks(first, via=[]) -%}
    {%- set twins = ref('int_shop_events_ledger') if model.resource_type != 'unit_test' else '' -%}
    {{ return(changed_rows(
        'int_shop_events_ledger',
        first=first,
        join='inner join ' ~ twins ~ " as twins on twins.status = 'accepted'"
            ~ " and twins.event_name = 'click' and changed.trace_id = twins.trace_id"
            ~ ' and changed.item_id = twins.item_id and changed.user_id = twins.user_id',
        where="changed.event_name = 'click'",
        via=via,
    )) }}
{%- endmacro %}


{# The measures of an event as one experiment counts them: how slow is too slow is its own matter. #}
{% macro measures_of_experiment() -%}
    {%- for measure in experiment_measures() -%}
        {%- if measure == 'responses_over_threshold' -%}
            case when events.latency_ms > experiments.latency_threshold_ms then 1 end as {{ measure }}
        {%- else -%}
            events.{{ measure }}
        {%- endif -%}
        {{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The measures on one surface: of revenue only what was bought there. #}
{% macro measures_there() -%}
    {%- for measure in experiment_measures() -%}
        {{ 'revenue as revenue_anywhere' if measure == 'revenue_anywhere' else measure }}
        {{- ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# What the marts of events as logged depend on. Beside its own day a changed row touches the days of
   the events that it says something of: a click of its twins, a response of those it led to, an
   assignment of those of its user in that arm, a version of an experiment of all since its start.
   `day` is the mart's day of a row, of which `{}` is the relation. #}
{% macro changed_logged_events(day='{}.day') -%}
    {%- set events = ref('int_shop_events_ledger') if model.resource_type != 'unit_test' else '' -%}
    {%- set versions = ref('int_experiments_ledger') if model.resource_type != 'unit_test' else '' -%}
    {%- set of_event = day | replace('{}', 'events') -%}
    {%- set join_events = 'inner join ' ~ events ~ " as events on events.status = 'accepted' and " -%}
    {{ return([
        changed_rows('int_shop_events_ledger', first=day | replace('{}', 'changed'), via=['int_clicks']),
        changed_clicks(day | replace('{}', 'twins'), via=['int_clicks']),
        changed_rows('int_traces_ledger', first=day | replace('{}', 'changed')),
        changed_rows(
            'int_traces_ledger',
            first=of_event,
            join=join_events ~ 'changed.row_key = events.trace_id',
        ),
        changed_rows(
            'int_assignments_ledger',
            first=of_event,
            join=join_events
                ~ 'changed.user_id = events.user_id and changed.variation = events.variant',
        ),
        changed_rows(
            'int_experiments_ledger',
            first=of_event,
            join='inner join (select experiment_key, min(started_at) as started_at from '
                ~ versions ~ ' group by experiment_key) as starts'
                ~ ' on changed.experiment_key = starts.experiment_key '
                ~ join_events ~ 'events.variant is not null'
                ~ ' and events.created_at >= starts.started_at',
        ),
    ]) }}
{%- endmacro %}


{# Users who add to some of the counts of a cumulative mart, or take from them, from one day on. Where
   nobody is behind a step that would not be there without it, its `loaded_at` is null. #}
{% macro counted_step(relation, day, added, counts, keys, loaded_at, where) -%}
    select
        {{ listed(keys, '{}') }},
        {{ day }} as day,
        {%- for count in counts %}
        {{ added.get(count, 0) }} as {{ count }},
        {%- endfor %}
        {{ loaded_at or 'cast(null as ' ~ type_instant() ~ ')' }} as loaded_at
    from {{ relation }}
    where {{ day }} is not null and {{ where or 'true' }}
{%- endmacro %}
