{# Experiments are recomputed in stretches: one experiment, from one day on. All that is told of
   it is cumulative, so a late row changes the days after it as well as its own.

   `int_experiment_changes` finds the stretches once, for all models that read it: a ledger of its
   own, with a row per build and changed experiment. These models call `stretches_to_recompute`,
   and `in_stretches` is the condition for what they compute and replace. #}


{# What the next build of `int_experiment_changes` looks at: for each ledger, the batches that no
   build has taken in yet. `via` maps a ledger to the models through which its rows come.
   `is_full_refresh`: every experiment is to be recomputed. #}
{% macro changes_to_take_in(ledgers, via={}) -%}
    {%- set note = {'batch': 1, 'is_full_refresh': true, 'batches': {}, 'seen': {}, 'settings': '{}'} -%}
    {#- All are named before anything is decided: dbt learns from it what the model reads. -#}
    {%- set inputs = [] -%}
    {%- for ledger in ledgers -%}
        {%- do inputs.append(changed_rows(ledger, via=via.get(ledger, []))) -%}
    {%- endfor -%}
    {%- if not is_building() -%}{{ return(note) }}{%- endif -%}
    {%- set found = run_query(
        "select max(batch) from " ~ build_log() ~ " where input = '" ~ this.name ~ "'"
    ).rows[0] -%}
    {%- do note.update({
        'batch': (found[0] or 0) | int + 1,
        'is_full_refresh': not is_incremental() or left_unfinished(this),
    }) -%}
    {%- do add_states(inputs) -%}
    {%- for input in inputs -%}
        {%- do note.batches.update({input.ledger: input.available}) -%}
        {%- do note.seen.update({input.ledger: input.seen}) -%}
        {%- if input.seen is none or input.rebuilt > input.seen -%}
            {%- do note.update({'is_full_refresh': true}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do note.batches.update({this.name: note.batch}) -%}
    {{ return(note) }}
{%- endmacro %}

{# The rows of a ledger that changed since the last build of `int_experiment_changes`. #}
{% macro newly_changed(ledger, note) -%}
    {%- if note.is_full_refresh -%}
        false
    {%- else -%}
        batch > {{ note.seen[ledger] }}
        and batch <= {{ note.batches[ledger] }}
        and status in ('accepted', 'withdrawn')
    {%- endif -%}
{%- endmacro %}


{# The stretches to recompute: {stretches, days, batches, settings}. `stretches` are pairs of
   experiment and first day, or none for everything; `also` is SQL for further ones, `via` the
   models that must have taken a change in before this one can. #}
{% macro stretches_to_recompute(via=[], also=none, settings={}) -%}
    {%- set input = changed_rows('int_experiment_changes', via=via) -%}
    {%- set note = {
        'column': 'day', 'as_instant': false, 'stretches': none, 'days': none, 'batches': {},
        'settings': tojson(settings, sort_keys=true) | replace("'", ''),
    } -%}
    {%- if not is_building() -%}{{ return(note) }}{%- endif -%}

    {%- do add_states([input]) -%}
    {%- do note.batches.update({input.ledger: input.available}) -%}
    {%- if
        not is_incremental() or left_unfinished(this)
        or input.seen is none or input.rebuilt > input.seen or input.settings != note.settings
    -%}
        {{ return(note) }}
    {%- endif -%}

    {%- set changed -%}
select experiment_key, min(day) as day
from (
    select experiment_key, day from {{ input.relation }}
    where batch > {{ input.seen }} and batch <= {{ input.available }}
    {%- if also %}
    union all
    {{ also }}
    {%- endif %}
) as changed
where day is not null
group by experiment_key
order by experiment_key
    {%- endset -%}
    {%- set stretches, days = [], [] -%}
    {%- for row in run_query(changed).rows -%}
        {%- set day = (row[1] | string)[:10] -%}
        {%- do stretches.append([row[0], day]) -%}
        {%- do days.append(day) -%}
    {%- endfor -%}
    {%- do note.update({'stretches': stretches, 'days': days | unique | sort}) -%}
    {{ return(note) }}
{%- endmacro %}


{# Whether a row lies in a stretch to recompute. Carries the build note of the model. #}
{% macro in_stretches(recompute, day='day', experiment='experiment_key') -%}
    {{ build_note(recompute) }}
    {% if recompute.stretches is none -%}
        true
    {%- elif not recompute.stretches -%}
        false
    {%- else -%}
        (
            {%- for key, first in recompute.stretches %}
            ({{ experiment }} = {{ text_literal(key) }} and {{ day }} >= date '{{ first }}')
            {{- ' or' if not loop.last }}
            {%- endfor %}
        )
    {%- endif %}
{%- endmacro %}

{# Whether a row belongs to an experiment of a stretch and lies before it: what is known already. #}
{% macro before_stretches(recompute, day='day', experiment='experiment_key') -%}
    {%- if not recompute.stretches -%}
        false
    {%- else -%}
        (
            {%- for key, first in recompute.stretches %}
            ({{ experiment }} = {{ text_literal(key) }} and {{ day }} < date '{{ first }}')
            {{- ' or' if not loop.last }}
            {%- endfor %}
        )
    {%- endif %}
{%- endmacro %}

{# Whether a day can matter to any stretch, `before` days of run-up included: a range that a
   ledger's statistics, index or partitions can be held against. #}
{% macro since_stretches(recompute, day='day', before=0) -%}
    {%- if recompute.stretches is none -%}
        true
    {%- elif not recompute.stretches -%}
        false
    {%- else -%}
        {%- set first = modules.datetime.date.fromisoformat(recompute.days[0]) -%}
        {{ day }} >= date '{{ (first - modules.datetime.timedelta(days=before)).isoformat() }}'
    {%- endif -%}
{%- endmacro %}


{# Whether a row belongs to an experiment of a stretch, whatever its day. #}
{% macro of_stretches(recompute, experiment='experiment_key') -%}
    {%- if recompute.stretches is none -%}
        true
    {%- elif not recompute.stretches -%}
        false
    {%- else -%}
        {{ experiment }} in (
            {%- for key, _ in recompute.stretches %}{{ text_literal(key) }}{{ ', ' if not loop.last }}{% endfor -%}
        )
    {%- endif -%}
{%- endmacro %}


{# A condition that a build of everything does without: it would look for few among many and find
   nearly all. #}
{% macro unless_whole(recompute, condition) -%}
    {{ 'true' if recompute.stretches is none else condition }}
{%- endmacro %}
