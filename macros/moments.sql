{# The moments of a metric in one group of users, and what one day adds to them.

   A row is a user's day, with the state before it and after it: `n0`, `n1` whether he is in (0 before
   he entered, 0 once he is taken out), `m0_…`, `m1_…` the metric's numerator since exposure, `d0_…`,
   `d1_…` its denominator, `p_…`, `q_…` the same before exposure. #}

{# Every column of sums: the pairs of totals as `alerts/experiments/moments.py` names them. #}
{% macro names_of_moments() -%}
    {{ return([
        'sum_m', 'sum_d', 'sum_p', 'sum_q', 'sum_mm', 'sum_dd', 'sum_pp', 'sum_qq', 'sum_md',
        'sum_mp', 'sum_mq', 'sum_dp', 'sum_dq', 'sum_pq',
    ]) }}
{%- endmacro %}

{# What a row adds to one of them, for the metric of the given number. #}
{% macro moment_added(name, number) -%}
    {%- set pair = name[4:] -%}
    {%- set moving = {'m': 'm', 'd': 'd'} -%}
    {%- set a, b = pair[0], pair[1:] -%}
    {%- if not b -%}
        {%- if a in moving -%}
            {{ a }}1_{{ number }} - {{ a }}0_{{ number }}
        {%- else -%}
            {{ a }}_{{ number }} * (n1 - n0)
        {%- endif -%}
    {%- elif a in moving and b in moving -%}
        {{ exact_product(a ~ '1_' ~ number, b ~ '1_' ~ number) }}
        - {{ exact_product(a ~ '0_' ~ number, b ~ '0_' ~ number) }}
    {%- elif a in moving -%}
        {{ exact_product(a ~ '1_' ~ number ~ ' - ' ~ a ~ '0_' ~ number, b ~ '_' ~ number) }}
    {%- else -%}
        {{ exact_product(a ~ '_' ~ number, b ~ '_' ~ number ~ ' * (n1 - n0)') }}
    {%- endif -%}
{%- endmacro %}

{# The measures that any of the metrics is made of. #}
{% macro measures_of_metrics(metrics) -%}
    {%- set found = [] -%}
    {%- for metric in metrics -%}
        {%- for measure in [metric.numerator, metric.denominator] -%}
            {%- if measure not in experiment_measures() and measure != 'users' -%}
                {{ exceptions.raise_compiler_error(
                    'seeds/experiment_metrics.csv: ' ~ metric.metric ~ ' is made of ' ~ measure
                    ~ ', which nothing counts; known are ' ~ experiment_measures() | join(', ')
                    ~ ' and, as a denominator, users'
                ) }}
            {%- endif -%}
            {%- if measure != 'users' -%}{%- do found.append(measure) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found | unique | sort) }}
{%- endmacro %}

{# A total as a metric takes it: the user himself, or a measure, up to the metric's cap. #}
{% macro total_of(measure, prefix, cap, users) -%}
    {%- if measure == 'users' -%}
        cast({{ users }} as numeric(18, 4))
    {%- elif cap is not none -%}
        cast(least({{ prefix }}{{ measure }}, {{ cap }}) as numeric(18, 4))
    {%- else -%}
        cast({{ prefix }}{{ measure }} as numeric(18, 4))
    {%- endif -%}
{%- endmacro %}


{# A user's state before and after a row, as every metric values it. #}
{% macro values_of_metrics(metrics) -%}
    {%- for metric in metrics %}
        {{ total_of(metric.numerator, 'old_', metric.cap, 'n0') }} as m0_{{ loop.index }},
        {{ total_of(metric.numerator, 'new_', metric.cap, 'n1') }} as m1_{{ loop.index }},
        {{ total_of(metric.denominator, 'old_', none, 'n0') }} as d0_{{ loop.index }},
        {{ total_of(metric.denominator, 'new_', none, 'n1') }} as d1_{{ loop.index }},
        {{ total_of(metric.numerator, 'before_', metric.cap, '1') }} as p_{{ loop.index }},
        {{ total_of(metric.denominator, 'before_', none, '1') }} as q_{{ loop.index }},
    {%- endfor %}
{%- endmacro %}

{# The names of these values. #}
{% macro names_of_values(metrics) -%}
    {%- set names = [] -%}
    {%- for number in range(1, metrics | length + 1) -%}
        {%- for value in ['m0', 'm1', 'd0', 'd1', 'p', 'q'] -%}
            {%- do names.append(value ~ '_' ~ number) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{# What a group of rows adds to each moment of each metric. #}
{% macro additions_of_metrics(metrics) -%}
    {%- for metric in metrics -%}
        {%- set number = loop.index -%}
        {%- for name in names_of_moments() %}
        sum({{ moment_added(name, number) }}) as {{ name }}_{{ number }},
        {%- endfor -%}
    {%- endfor %}
{%- endmacro %}

{# The same, of groups that are added up already. #}
{% macro sums_of_additions(metrics) -%}
    {%- for metric in metrics -%}
        {%- set number = loop.index -%}
        {%- for name in names_of_moments() %}
        sum({{ name }}_{{ number }}) as {{ name }}_{{ number }},
        {%- endfor -%}
    {%- endfor %}
{%- endmacro %}

{# Metrics side by side, as one row for each. #}
{% macro row_per_metric(relation, metrics, keys) -%}
    {%- for metric in metrics %}
    {%- set number = loop.index %}
    select
        {{ keys | join(',\n        ') }},
        '{{ metric.metric }}' as metric,
        users,
        {%- for name in names_of_moments() %}
        {{ name }}_{{ number }} as {{ name }},
        {%- endfor %}
        loaded_through
    from {{ relation }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Which metrics there are for an experiment of each source. #}
{% macro metrics_on_offer(metrics) -%}
    {%- set offers = [] -%}
    {%- for metric in metrics -%}
        {%- for source in sources_of_metric(metric) -%}
            {%- do offers.append(
                "select '" ~ metric.metric ~ "' as metric, '" ~ source ~ "' as source, "
                ~ ('responses_over_threshold' in [metric.numerator, metric.denominator])
                ~ " as has_threshold, "
                ~ (
                    metric.numerator not in measures_without_surface()
                    and metric.denominator not in measures_without_surface()
                ) ~ " as has_surface"
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ offers | join('\n    union all\n    ') }}
{%- endmacro %}


{# SQL for the days that a mart of all days of an experiment still lacks, or has too many: those
   after the last one it has, as soon as the source has come further. #}
{% macro days_still_to_come() -%}
    {%- set experiments = ref('int_experiments') -%}
    {{ return(
        "select experiments.experiment_key, case when built.day is null then experiments.first_day"
        ~ " else cast(least(built.day, experiments.last_day) + interval '1 day' as date) end as day"
        ~ " from " ~ experiments ~ " as experiments left join (select experiment_key, max(day) as day"
        ~ " from " ~ this ~ " group by experiment_key) as built"
        ~ " on experiments.experiment_key = built.experiment_key"
        ~ " where experiments.last_day >= experiments.first_day"
        ~ " and (built.day is null or built.day <> experiments.last_day)"
    ) }}
{%- endmacro %}
